"""A config as a trained model is applied to pictures and texts of its user."""

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from mmengine.config import Config, ConfigDict

from slan_mm.arguments import image_size
from slan_mm.config import name_of

#: Encoders that read from a store, and what runs in their place.
_PLAIN = {
    'StoredImageEncoder': 'ImageEncoder',
    'StoredPairImageEncoder': 'PairImageEncoder',
    'StoredTextEncoder': 'TextEncoder',
    'StoredPairTextEncoder': 'PairTextEncoder',
}


def picture_size(cfg: Config) -> tuple[int, int]:
    """(height, width) that a config resizes pictures to: of ``ResizeImage`` in a pipeline, or its ``image_size``.

    Raises:
        ValueError: The config has neither, or what it has is no size.
    """
    loaders = [cfg.get(f'{mode}_dataloader') for mode in ('test', 'val', 'train')]
    size = next((step['size'] for step in find_steps(loaders, 'ResizeImage') if 'size' in step), cfg.get('image_size'))
    if size is None:
        raise ValueError(
            f'{name_of(cfg)} does not tell the size of pictures: give a ResizeImage in a pipeline, or image_size'
        )
    try:
        return image_size(size)
    except ValueError as error:
        raise ValueError(f'{name_of(cfg)}: the size of pictures {error}') from None


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


def without_feature_stores(model: ConfigDict) -> ConfigDict:
    """A model's config whose encoders run: stored features are of a data set's pictures and texts, not of new ones."""
    model = deepcopy(model)
    for branch in ('image', 'text'):
        encoder = (model.get(branch) or {}).get('encoder') or {}
        plain = _PLAIN.get(str(encoder.get('type')).rsplit('.', 1)[-1])
        if plain is not None:
            encoder['type'] = plain
            encoder.pop('store', None)
    return model


def without_momentum(model: ConfigDict) -> ConfigDict:
    """A pre-training model's config without momentum encoders, which training alone reads: nearly half the memory."""
    model = deepcopy(model)
    if (model.get('objective') or {}).get('momentum'):  # a task's model has no pre-training objective
        model.objective.momentum = 0.0
    return model
