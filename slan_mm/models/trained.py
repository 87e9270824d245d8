"""A trained model from its config and its weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.runner import load_state_dict
from torch import nn
from torch.nn.modules.utils import consume_prefix_in_state_dict_if_present

from slan_mm.applied_config import picture_size, without_feature_stores
from slan_mm.config import name_of, reason
from slan_mm.model_folder import CONFIG, RECORD
from slan_mm.models.inference import GroundingInference
from slan_mm.registry import MODELS, PROCESSORS
from slan_mm.text_files import read_json


def build_applied(cfg: Config) -> nn.Module:
    """The model of ``cfg`` as it is applied to pictures and texts, with fresh weights; its ``cfg`` is the config.

    Raises:
        ValueError: It cannot be built, or the config does not tell the size of pictures.
    """
    init_default_scope(cfg.get('default_scope', 'slan_mm'))
    try:
        model = MODELS.build(without_feature_stores(cfg.model))
    except (OSError, ImportError):  # of files and packages that it needs; they say what to do
        raise
    except Exception as error:  # of whatever a component makes of a setting that it does not check
        raise ValueError(f'the model of {name_of(cfg)} cannot be built: {reason(error)}') from error
    model.cfg, model.record = cfg, _record_beside(cfg)
    if isinstance(model, GroundingInference):
        model.processor = PROCESSORS.build(dict(type='Processor', picture_size=picture_size(cfg)))
    return model


def load_weights(model: nn.Module, weights: dict[str, Any], source: str) -> None:
    """Loads all of a model's ``weights``, which come from the file ``source``.

    Raises:
        ValueError: They are another model's.
    """
    try:
        consume_prefix_in_state_dict_if_present(weights, 'module.')
        load_state_dict(model, weights, strict=True)
    except (RuntimeError, ValueError, TypeError, AttributeError) as error:
        raise ValueError(
            f'{source} holds the weights of another model than the {type(model).__name__} of this config. Give '
            f'the config that they were trained with. {error}'
        ) from error


def _record_beside(cfg: Config) -> dict[str, Any] | None:
    """The record in the folder of a model; None where the config is of no such folder, or has none."""
    path = Path(cfg.filename or '').with_name(RECORD) if cfg.filename else None
    if path is None or Path(cfg.filename).name != CONFIG or not path.is_file():
        return None
    record = read_json(path)
    return record if isinstance(record, dict) else None
