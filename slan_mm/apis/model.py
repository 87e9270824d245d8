"""Builds a trained model from its config and its checkpoint."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.runner import CheckpointLoader
from torch import nn

import slan_mm.engine  # noqa: F401 (checkpoints are read without running their code)
from slan_mm.arguments import checked, usable_device
from slan_mm.config import read_config
from slan_mm.models.trained import build_applied, load_weights


@checked
def init_model(
    config: str | Path | Config,
    checkpoint: str | Path | None = None,
    device: str | None = None,
    cfg_options: Mapping[str, Any] | None = None,
) -> nn.Module:
    """Returns a trained model in evaluation mode, like MMDetection's ``init_detector``.

    .. code-block:: python

        model = init_model('configs/pretrain/slan_tiny_shapes_long.py', 'checkpoints/slan_tiny_shapes_long.safetensors')
        model = init_model('checkpoints/slan_tiny_shapes_long')  # a folder has both
        model.similarity('my/pictures', ['a red circle', 'a star'])

    Args:
        config: The model's config, or its file; or a folder from ``save_pretrained``; or the name of a model on a hub,
            which is then downloaded.
        checkpoint: The weights; None: those in ``load_from`` of the config, or in the folder.
        device: 'cpu', 'cuda', ...; None: a GPU if there is one.
        cfg_options: Settings that override the config, nested keys with dots.

    Raises:
        FileNotFoundError: The config or the checkpoint does not exist.
        ValueError: The checkpoint is missing or belongs to another model; or the config's model cannot be built.
    """
    cfg = read_config(config, cfg_options)
    checkpoint = checkpoint or cfg.get('load_from')
    if not checkpoint:
        raise ValueError('a checkpoint is needed: the config has no load_from either')
    return load_model(cfg, str(checkpoint), usable_device(device))


def load_model(cfg: Config, checkpoint: str, device: str) -> nn.Module:
    """The model of ``cfg`` with the weights of ``checkpoint``, as in :func:`init_model`.

    Raises:
        ValueError: The model cannot be built, or the weights belong to another model; and the errors of the
            checkpoint's reader.
    """
    model = build_applied(cfg)
    content = CheckpointLoader.load_checkpoint(checkpoint, map_location='cpu')
    weights = content.get('state_dict', content)
    load_weights(model, weights, checkpoint)
    return model.to(device).eval()
