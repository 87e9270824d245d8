"""A config file and the settings that override it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmengine.config import Config


def read_config(file: str | Path, settings: Mapping[str, Any] | None = None) -> Config:
    """Reads a config and applies ``settings``, whose nested keys have dots."""
    cfg = Config.fromfile(file)
    cfg.merge_from_dict(dict(settings or {}))
    return cfg
