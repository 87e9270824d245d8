"""Toy models and batches of the tasks that look at two pictures or at videos."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from mmengine.dataset import pseudo_collate
from mmpretrain.structures import DataSample
from support.toy import build_toy_slan, toy_config, toy_picture, toy_sample
from torch import nn

ATTENTION = dict(num_heads=2, feedforward_channels=32)


def build_toy_nlvr(seed: int = 0) -> nn.Module:
    """NLVR on the toy base model."""
    config = toy_config(type='NLVR', head=dict(attention=ATTENTION))
    return build_toy_slan(seed, config)


def nlvr_sample(index: int) -> DataSample:
    """Every second statement is true."""
    return toy_sample(index).set_gt_label(index % 2)


def nlvr_batch(indices: Sequence[int] = range(4)) -> dict:
    """Statement i with the pictures i and i + 10."""
    return pseudo_collate(
        [dict(inputs=torch.stack([toy_picture(i), toy_picture(i + 10)]), data_samples=nlvr_sample(i)) for i in indices]
    )


def build_toy_video_retrieval(seed: int = 0) -> nn.Module:
    """VideoRetrieval on the toy base model."""
    return build_toy_slan(seed, toy_config(type='VideoRetrieval'))


def toy_video(index: int, frames: int = 3) -> torch.Tensor:
    """uint8 (frames, 3, SIZE, SIZE)."""
    return torch.stack([toy_picture(10 * index + frame) for frame in range(frames)])


def video_batch(indices: Sequence[int] = range(4), frames: int = 3) -> dict:
    """Video i with text i."""
    return pseudo_collate([dict(inputs=toy_video(i, frames), data_samples=toy_sample(i)) for i in indices])
