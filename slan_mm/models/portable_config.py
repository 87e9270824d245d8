"""The config of a model as its folder has it: nothing of the training, and nothing that another machine lacks."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from mmengine.config import Config, ConfigDict
from transformers import PretrainedConfig

from slan_mm.applied_config import find_steps, picture_size, without_cached_pictures, without_feature_stores
from slan_mm.folder_config import HERE, PARTS, RUNTIME, SOURCES, check_parts
from slan_mm.home_folder import expanded
from slan_mm.model_folder import TOKENIZER

#: What the config of a text or vision tower says of the files it came from, and of how it is run.
_OF_FILES = ('architectures', 'torch_dtype', 'transformers_version', 'tokenizer_class', 'auto_map')


def portable_parts(cfg: Config, model: Any) -> dict[str, Any]:
    """What ``config.json`` has of ``cfg``, the config of ``model``: plain values that JSON knows.

    Towers that were loaded by name become the config of their architecture, a tokenizer of files that of the folder.

    Raises:
        ValueError: Something of the config cannot be in a folder; the message says what.
    """
    parts = {name: cfg[name] for name in PARTS if cfg.get(name) is not None}
    parts['model'] = without_feature_stores(cfg.model)
    # A pipeline of mmdet resizes by itself, perhaps to no fixed size.
    if 'image_size' not in parts and not find_steps(cfg.get('test_dataloader'), 'Resize'):
        parts['image_size'] = picture_size(cfg)
    parts = {name: _plain(_with_pictures(value), name) for name, value in parts.items()}
    parts['model'] = _without_sources(parts['model'])
    if (text := parts['model'].get('text')) is not None:
        _name_text_model(text['encoder'], model.text_branch.encoder)
    if (image := parts['model'].get('image')) is not None:
        _name_vision_model(image['encoder'].get('backbone') or {}, model.image_branch.encoder)
    for name in ('test_dataloader', 'test_evaluator'):
        if name in parts:
            parts[name] = _from_here(parts[name])
    hooks = parts.get('default_hooks') or {}
    parts['default_hooks'] = {name: hook for name, hook in hooks.items() if hook and hook.get('type') in RUNTIME}
    try:
        check_parts(parts)
    except ValueError as error:
        raise ValueError(f'this model cannot be saved as a folder that others may read: {error}') from None
    return parts


def has_tokenizer_files(encoder: Mapping[str, Any]) -> bool:
    """Whether the tokenizer of a text encoder's config is one of files, which a folder must have."""
    tokenizer = encoder.get('tokenizer')
    return isinstance(tokenizer, str) or (tokenizer or {}).get('type') in ('HFTokenizer', 'slan_mm.HFTokenizer')


def _name_text_model(config: dict[str, Any], encoder: Any) -> None:
    if isinstance(config.get('model'), str):
        config['model'] = _architecture(encoder.backbone.config)
    if has_tokenizer_files(config):
        own = config['tokenizer'] if isinstance(config['tokenizer'], dict) else {'type': 'HFTokenizer'}
        config['tokenizer'] = {**own, 'name_or_path': f'{HERE}/{TOKENIZER}'}


def _name_vision_model(config: dict[str, Any], encoder: Any) -> None:
    if isinstance(config.get('model'), str):
        config['model'] = _architecture(encoder.backbone.model.config)


def _architecture(config: PretrainedConfig) -> dict[str, Any]:
    """The arguments of a config class of ``transformers``, with ``model_type``."""
    own = {name: value for name, value in config.to_diff_dict().items() if name not in _OF_FILES and name[0] != '_'}
    return _plain({**own, 'model_type': config.model_type}, 'model')


def _plain(value: Any, place: str) -> Any:
    """``value`` in what JSON knows: tuples become lists.

    Raises:
        ValueError: It has something else.
    """
    if isinstance(value, Mapping):
        if not all(isinstance(key, str) for key in value):
            raise ValueError(f'{place} has names that are no text, which JSON cannot keep')
        return {key: _plain(item, f'{place}.{key}') for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item, f'{place}.{number}') for number, item in enumerate(value)]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise ValueError(f'{place} is a {type(value).__name__}, which JSON cannot keep: name it by its type')


def _without_sources(value: Any) -> Any:
    """A model's config that names no weights from elsewhere."""
    if isinstance(value, list):
        return [_without_sources(item) for item in value]
    if not isinstance(value, dict):
        return value
    left_out = (*SOURCES, 'local_files_only')
    return {key: _without_sources(item) for key, item in value.items() if key not in left_out}


def _with_pictures(value: Any) -> Any:
    """A part of a config whose pipelines read pictures."""
    if isinstance(value, Mapping):
        if isinstance(value.get('pipeline'), list | tuple):
            value = without_cached_pictures(ConfigDict(value))
        return {key: _with_pictures(item) for key, item in value.items()}
    return [_with_pictures(item) for item in value] if isinstance(value, list | tuple) else value


def _from_here(value: Any) -> Any:
    """Paths of data as they are from the folder that commands run in; of others the last name alone."""
    if isinstance(value, dict):
        return {key: _from_here(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_from_here(item) for item in value]
    if not isinstance(value, str) or not (os.path.isabs(value) or value.startswith('~')):
        return value
    path = expanded(value)
    return path.relative_to(Path.cwd()).as_posix() if path.is_relative_to(Path.cwd()) else PurePosixPath(value).name
