"""Boxes inside the model: normalised (cx, cy, w, h) in [0, 1]."""

from __future__ import annotations

from itertools import pairwise

import torch
from mmdet.structures.bbox import bbox_cxcywh_to_xyxy
from torch import Tensor


def clip_boxes(boxes: Tensor, min_size: float = 0.02) -> Tensor:
    """Cuts boxes (..., 4) to the image and keeps both sides at least ``min_size`` (a share of the image).

    The corners are cut, as a viewer would cut them; a box that would become thinner than ``min_size`` keeps that size
    and is pushed inside. Differentiable wherever a coordinate is not cut.
    """
    x1, y1, x2, y2 = bbox_cxcywh_to_xyxy(boxes).clamp(0, 1).unbind(-1)
    size = torch.stack([x2 - x1, y2 - y1], dim=-1).clamp(min=min_size)
    centre = torch.stack([x1 + x2, y1 + y2], dim=-1) / 2
    centre = torch.maximum(torch.minimum(centre, 1 - size / 2), size / 2)
    return torch.cat([centre, size], dim=-1)


def cell_boxes(centres: Tensor, size: Tensor, k: int) -> Tensor:
    """The K x K cells of neighbourhoods, row by row: cell j is row j // K, column j % K (Alg. 1, line 6).

    ``centres`` (..., 2) and ``size`` (..., 2) or (2,), the neighbourhood's (width, height). Returns (..., K * K, 4).
    """
    steps = torch.arange(k, device=centres.device, dtype=centres.dtype) - (k - 1) / 2
    rows, columns = torch.meshgrid(steps, steps, indexing='ij')
    offset = torch.stack([columns, rows], dim=-1).reshape(k * k, 2)
    cell = (size / k).expand_as(centres).unsqueeze(-2)
    return torch.cat([centres.unsqueeze(-2) + offset * cell, cell.expand(*centres.shape[:-1], k * k, 2)], dim=-1)


def cell_centres(height: int, width: int, device: torch.device, dtype: torch.dtype) -> Tensor:
    """(x, y) of the centres of a feature map's cells, row by row: (H * W, 2), normalised."""
    ys = (torch.arange(height, device=device, dtype=dtype) + 0.5) / height
    xs = (torch.arange(width, device=device, dtype=dtype) + 0.5) / width
    grid_y, grid_x = torch.meshgrid(ys, xs, indexing='ij')
    return torch.stack([grid_x, grid_y], dim=-1).reshape(height * width, 2)


def pairwise_iou(boxes: Tensor) -> Tensor:
    """IoU of every box with every other of its row: (P, N, 4) to (P, N, N)."""
    corners = bbox_cxcywh_to_xyxy(boxes)
    low = torch.maximum(corners[:, :, None, :2], corners[:, None, :, :2])
    high = torch.minimum(corners[:, :, None, 2:], corners[:, None, :, 2:])
    inter = (high - low).clamp(min=0).prod(-1)
    area = (corners[..., 2:] - corners[..., :2]).prod(-1)
    return inter / (area[:, :, None] + area[:, None, :] - inter).clamp(min=1e-9)


def mean_move(boxes: list[Tensor], mask: Tensor) -> list[Tensor]:
    """Mean distance between the centres of consecutive levels' boxes [(P, N, 4), ...], over ``mask`` (P, N) True."""
    weight = mask / mask.sum()
    return [((b[..., :2] - a[..., :2]).norm(dim=-1) * weight).sum() for a, b in pairwise(boxes)]
