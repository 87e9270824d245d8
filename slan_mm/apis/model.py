"""A trained model from its config and its checkpoint."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.runner import CheckpointLoader, load_state_dict
from torch import nn
from torch.nn.modules.utils import consume_prefix_in_state_dict_if_present

from slan_mm.apis.processor import Processor
from slan_mm.apis.settings import picture_size
from slan_mm.arguments import checked, usable_device
from slan_mm.config import name_of, read_config, reason
from slan_mm.feature_store.encoders import without_feature_stores
from slan_mm.models.inference import GroundingInference
from slan_mm.registry import MODELS


@checked
def init_model(
    config: str | Path | Config,
    checkpoint: str | Path | None = None,
    device: str | None = None,
    cfg_options: Mapping[str, Any] | None = None,
) -> nn.Module:
    """A trained model in evaluation mode, in the manner of MMDetection's ``init_detector``.

    .. code-block:: python

        model = init_model('configs/pretrain/slan_tiny_shapes_long.py', 'checkpoints/slan_tiny_shapes_long.safetensors')
        model.similarity('my/pictures', ['a red circle', 'a star'])

    Args:
        config: The model's config, or its file.
        checkpoint: Its weights; None: those of ``load_from`` in the config.
        device: 'cpu', 'cuda', ...; None: a GPU where there is one.
        cfg_options: Settings that override the config's, nested keys with dots.

    Raises:
        FileNotFoundError: There is no such config or checkpoint.
        ValueError: No checkpoint is given, or another model's; or the config's model cannot be built.
    """
    cfg = read_config(config, cfg_options)
    checkpoint = checkpoint or cfg.get('load_from')
    if not checkpoint:
        raise ValueError('a checkpoint is needed: the config has no load_from either')
    return load_model(cfg, str(checkpoint), usable_device(device))


def load_model(cfg: Config, checkpoint: str, device: str) -> nn.Module:
    """The model of ``cfg`` with the weights of ``checkpoint``, as :func:`init_model` gives it.

    Raises:
        ValueError: The model cannot be built, or the weights are another model's; and what the checkpoint's reader
            raises.
    """
    init_default_scope(cfg.get('default_scope', 'slan_mm'))
    try:
        model = MODELS.build(without_feature_stores(cfg.model))
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f'the model of {name_of(cfg)} cannot be built: {reason(error)}') from error
    content = CheckpointLoader.load_checkpoint(checkpoint, map_location='cpu')
    weights = content.get('state_dict', content)
    try:
        consume_prefix_in_state_dict_if_present(weights, 'module.')
        load_state_dict(model, weights, strict=True)
    except (RuntimeError, ValueError, TypeError, AttributeError) as error:
        raise ValueError(
            f'{checkpoint} holds the weights of another model than the {type(model).__name__} of this config. Give '
            f'the config that they were trained with. {error}'
        ) from error
    if isinstance(model, GroundingInference):
        model.processor = Processor(picture_size(cfg))
    return model.to(device).eval()
