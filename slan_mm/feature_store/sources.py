"""The data sets of a config that read from stores, as their pictures and texts before any store."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

from mmengine.logging import print_log

from slan_mm.datasets.unreadable import UnreadableImageError
from slan_mm.feature_store.keys import FeatureStoreError, hash_config
from slan_mm.registry import DATASETS, TRANSFORMS


def step_type(step: Any) -> str:
    """The bare name of a transform in a config."""
    kind = step.get('type') if isinstance(step, dict) else step
    return kind.rsplit('.', 1)[-1] if isinstance(kind, str) else getattr(kind, '__name__', type(kind).__name__)


def find_datasets(cfg: Any) -> Iterator[dict]:
    """Configs of all data sets that have a pipeline, in the loaders of training, validation and test."""
    seen = set()
    for name in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
        for dataset in _with_pipeline(cfg.get(name)):
            if (key := hash_config(dataset)) not in seen:
                seen.add(key)
                yield dataset


def _with_pipeline(node: Any) -> Iterator[dict]:
    """The outermost dicts in ``node`` that have a pipeline."""
    if isinstance(node, dict):
        if isinstance(node.get('pipeline'), list | tuple):
            yield node
            return
        node = list(node.values())
    if isinstance(node, list | tuple):
        for child in node:
            yield from _with_pipeline(child)


class StoredDataset:
    """One data set of a config that reads from the store at ``store``.

    Args:
        config: of the data set; its pipeline has a ``LoadCachedFeatures``.

    Raises:
        FeatureStoreError: the pipeline is random, so that no store can stand for it; or the data set has no length.
    """

    def __init__(self, config: dict) -> None:
        steps = list(config['pipeline'])
        random = [step_type(step) for step in steps if step_type(step).startswith('Random')]
        (place,) = [number for number, step in enumerate(steps) if step_type(step) == 'LoadCachedFeatures']
        self.store = str(steps[place]['store'])
        self.transforms = list(steps[place]['transforms'])
        random += [step_type(step) for step in self.transforms if step_type(step).startswith('Random')]
        if random:
            raise FeatureStoreError(
                f'{config["type"]}: {random} gives another picture each time, so stored features cannot stand for it. '
                'Take it out of the pipeline.'
            )
        pack = {'type': 'PackPairs'}
        self.pictures = DATASETS.build({**config, 'pipeline': [*self.transforms, pack]})
        if not hasattr(self.pictures, '__len__') or not hasattr(self.pictures, 'get_data_info'):
            raise FeatureStoreError(f'{config["type"]} is a stream; only data sets of known length can be cached.')
        # The same entries without their pictures, and without reading the annotation again.
        self._texts = copy.copy(self.pictures)
        self._texts.pipeline = _same
        others = [*steps[:place], *steps[place + 1 :]]
        self._steps = [TRANSFORMS.build(step) for step in others if not step_type(step).startswith('Pack')]

    def __len__(self) -> int:
        return len(self.pictures)

    def picture(self, index: int) -> dict | None:
        """An item with its picture; None if that cannot be read."""
        try:
            return self.pictures.prepare_data(index)
        except UnreadableImageError as error:
            print_log(str(error), 'current')
            return None

    def texts(self, index: int) -> list[str]:
        """All texts that item ``index`` may have, after the pipeline's other transforms."""
        info = self._texts.get_data_info(index)
        if 'captions' in info:
            variants = [{**info, 'text': caption} for caption in info['captions']]
        else:
            variants = [info if 'text' in info else self._texts.prepare_data(index)]
        texts: list[str] = []
        for results in variants:
            for step in self._steps:
                results = step(results)
            texts += [results['text']] if isinstance(results['text'], str) else results['text']
        return texts


def _same(results: dict) -> dict:
    return results


def _views(config: dict) -> Iterator[dict]:
    """A data set's config for each store that it reads: one for pictures as they are, and one for each other view."""
    steps = list(config['pipeline'])
    for place, step in enumerate(steps):
        if step_type(step) == 'LoadCachedFeatures':
            for view in ({key: step[key] for key in ('store', 'transforms')}, *step.get('views', ())):
                yield {**config, 'pipeline': [*steps[:place], {'type': step['type'], **view}, *steps[place + 1 :]]}


def stored_datasets(cfg: Any) -> dict[str, list[StoredDataset]]:
    """The data sets of a config that read from stores, by the path of the store.

    Raises:
        FeatureStoreError: two data sets of one store differ in their transforms; see also ``StoredDataset``.
    """
    stores: dict[str, list[StoredDataset]] = {}
    for config in find_datasets(cfg):
        for view in _views(config):
            dataset = StoredDataset(view)
            stores.setdefault(dataset.store, []).append(dataset)
    for store, datasets in stores.items():
        if len({hash_config(dataset.transforms) for dataset in datasets}) > 1:
            raise FeatureStoreError(f'Data sets of the store {store} preprocess differently; give them two stores.')
    return stores
