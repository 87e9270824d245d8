"""What the tools that look for a model's errors share: their command line, and how they write a figure."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from mmengine.config import Config, DictAction


def parse_model_options(description: str, arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line of a tool that tests a model: ``config``, ``checkpoint``, ``device`` and ``cfg_options``."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument('config', help='config file of the model')
    parser.add_argument('checkpoint', help='its weights: .pth, .safetensors, or the work directory of its training')
    parser.add_argument('--device', help="'cpu' or 'cuda' (default: a GPU where there is one)")
    parser.add_argument('--cfg-options', nargs='+', action=DictAction, help='settings that override the config')
    return parser.parse_args(arguments)


def read_model_config(options: argparse.Namespace) -> Config:
    """The config that :func:`parse_model_options` names, with its settings."""
    cfg = Config.fromfile(options.config)
    cfg.merge_from_dict(options.cfg_options or {})
    return cfg


def figure(value: float, digits: int = 1) -> str:
    """``value`` in a table, or a dash where it is no number."""
    return '-' if value != value else f'{value:.{digits}f}'
