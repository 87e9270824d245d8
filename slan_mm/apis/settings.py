"""What an inferencer takes from a model's config."""

from collections.abc import Mapping
from copy import deepcopy
from difflib import get_close_matches
from typing import Any

from mmengine.config import Config, ConfigDict
from mmengine.registry import init_default_scope

from slan_mm.config import name_of
from slan_mm.registry import MODELS


def model_class(cfg: Config) -> type:
    """The class of a config's model, which is not built.

    Raises:
        ValueError: The config names none, or there is none of this name.
    """
    init_default_scope(cfg.get('default_scope', 'slan_mm'))
    name = (cfg.get('model') or {}).get('type')
    if name is None:
        raise ValueError(f'{name_of(cfg)} has no model with a type: give the config of a model')
    kind = name if isinstance(name, type) else MODELS.get(name)
    if kind is None:
        near = get_close_matches(name, MODELS.module_dict, 1)
        raise ValueError(
            f'{name_of(cfg)}: there is no model {name!r}'
            + (f', is {near[0]!r} meant?' if near else '; is its package named in custom_imports?')
        )
    return kind


def picture_size(cfg: Config) -> tuple[int, int]:
    """(height, width) that a config resizes pictures to: of ``ResizeImage`` in a pipeline, or its ``image_size``.

    Raises:
        ValueError: The config has neither.
    """
    loaders = [cfg.get(f'{mode}_dataloader') for mode in ('test', 'val', 'train')]
    size = next((step['size'] for step in find_steps(loaders, 'ResizeImage') if 'size' in step), cfg.get('image_size'))
    if size is None:
        raise ValueError(
            f'{name_of(cfg)} does not tell the size of pictures: give a ResizeImage in a pipeline, or image_size'
        )
    return (size, size) if isinstance(size, int) else tuple(size)


def without_cached_pictures(dataset: ConfigDict) -> ConfigDict:
    """A data set's config whose pipeline reads the pictures, where it takes their features from a store."""
    dataset = deepcopy(dataset)
    steps = dataset.get('pipeline') or []
    if find_steps(steps, 'LoadCachedFeatures'):
        dataset['pipeline'] = [
            part for step in steps for part in (step.transforms if find_steps(step, 'LoadCachedFeatures') else [step])
        ]
    return dataset


def find_steps(value: Any, kind: str) -> list[ConfigDict]:
    """All transforms of the type ``kind`` anywhere in ``value``."""
    if isinstance(value, Mapping):
        own = [value] if str(value.get('type', '')).rsplit('.', 1)[-1] == kind else []
        return own + [step for item in value.values() for step in find_steps(item, kind)]
    if isinstance(value, list | tuple):
        return [step for item in value for step in find_steps(item, kind)]
    return []
