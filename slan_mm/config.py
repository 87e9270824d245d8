"""A config file and the settings that override it. Light: tools read configs before they import a model."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmengine.config import Config


def reason(error: BaseException) -> str:
    """An error's message in one line."""
    # The text of a KeyError is its argument in quotation marks.
    lines = str(error.args[0] if isinstance(error, KeyError) and error.args else error).split('\n')
    return lines[0].strip() or type(error).__name__


def read_config(model: str | Path | Config, cfg_options: Mapping[str, Any] | None = None) -> Config:
    """A config, or a copy of it, with ``cfg_options`` over its settings.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file is no config, or an option leads through a setting that has no parts.
    """
    if isinstance(model, Config):
        cfg = Config(model._cfg_dict.to_dict())
    elif not Path(model).expanduser().is_file():
        raise FileNotFoundError(f'no config {model}')
    else:
        try:
            cfg = Config.fromfile(Path(model).expanduser())
        except Exception as error:  # a config is Python code
            raise ValueError(f'{model} cannot be read as a config: {type(error).__name__}: {reason(error)}') from error
    for name, value in (cfg_options or {}).items():
        try:
            cfg.merge_from_dict({name: value})
        except (KeyError, TypeError, IndexError, AssertionError, AttributeError) as error:
            raise ValueError(f'{name}={value} cannot be set in {name_of(cfg)}: {reason(error)}') from error
    return cfg


def name_of(cfg: Config) -> str:
    """What messages call a config."""
    return cfg.filename or 'the config'
