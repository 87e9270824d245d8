"""The images and texts of a retrieval evaluation, encoded once.

Over several ranks every rank knows all names and holds the features of all texts, but only the features of the images
it encoded itself, which are the large ones.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import torch
from mmengine.dist import all_gather_object, get_rank, get_world_size
from mmengine.logging import print_log
from torch.utils.data import DataLoader

from slan_mm.evaluation.evaluation_store import EvaluationStore
from slan_mm.evaluation.feature_cache import FeatureCache
from slan_mm.feature_store import FeatureStoreError
from slan_mm.progress import Progress
from slan_mm.structures import Batched

#: Texts encoded together: short, so that images bound the memory, not these.
TEXT_BATCH = 256


@dataclass
class Gallery:
    """N images and M texts.

    - ``image_ids``: (N), ``texts``: (M).
    - ``text_image``: (M,) index of the image that each text describes.
    - ``owner``: (N,) rank that holds the image's features; ``row``: (N,) where in that rank's ``images``.
    - ``images``: this rank's image features; ``text_features``: all M text features.
    """

    image_ids: list[str]
    texts: list[str]
    text_image: np.ndarray
    owner: np.ndarray
    row: np.ndarray
    images: FeatureCache
    text_features: FeatureCache

    @property
    def fingerprint(self) -> int:
        """A positive number that tells these images and texts from others."""
        names = json.dumps([self.image_ids, self.texts]).encode()
        return int.from_bytes(hashlib.sha256(names).digest()[:7], 'big') + 1

    @property
    def own(self) -> np.ndarray:
        """(n,) indices of the images whose features this rank holds."""
        return np.flatnonzero(self.owner == get_rank())

    def image_chunks(
        self, size: int, device: torch.device, dtype: torch.dtype, start: int = 0
    ) -> Iterator[tuple[slice, Batched]]:
        """This rank's images from its ``start``-th on: which of ``own``, and their features."""
        rows = self.row[self.own]
        for first in range(start, len(rows), size):
            part = slice(first, min(first + size, len(rows)))
            yield part, self.images.take(torch.from_numpy(rows[part]), device, dtype)

    def text_chunks(self, size: int, device: torch.device, dtype: torch.dtype) -> Iterator[tuple[slice, Batched]]:
        """All texts: which of them, and their features."""
        for first in range(0, len(self.texts), size):
            part = slice(first, min(first + size, len(self.texts)))
            yield part, self.text_features.take(torch.arange(part.start, part.stop), device, dtype)

    def drop_features(self) -> None:
        """Frees the features' memory; the names stay."""
        self.images, self.text_features = FeatureCache(), FeatureCache()


def place_of(model: Any) -> tuple[torch.device, torch.dtype]:
    """Device and floating type of a model: those of its first parameter."""
    parameter = next(model.parameters(), torch.zeros(()))
    return parameter.device, parameter.dtype


@dataclass
class _Entry:
    """One sample a loader yielded: its image, where the image's features are on its rank, and its texts."""

    sample_id: str
    image_id: str
    row: int
    texts: list[str] = field(default_factory=list)


def encode_gallery(
    model: Any,
    dataloader: Any,
    dtype: torch.dtype | None = None,
    store: EvaluationStore | None = None,
) -> Gallery:
    """Encodes every image and every text once.

    A sample or an image that comes again (a loader repeats samples to fill the last batch of a rank; a file may list
    an image once for each of its captions) is encoded and counted once.

    Args:
        model: has ``data_preprocessor``, ``encode_image`` and ``encode_text``.
        dataloader: yields ``dict(inputs, data_samples)``; each data sample has ``image_id``, ``sample_id``, ``text``.
        dtype: floating type of the stores; None keeps the model's.
        store: where features are kept; what is there already is not encoded again. None: in memory.

    Raises:
        ValueError: if a sample has no text, or there is no sample at all.
        FeatureStoreError: if the store is damaged.
    """
    store = store or EvaluationStore()
    images = store.features('images', dtype)
    entries = _encode_images(model, dataloader, images, store)
    image_ids, texts, text_image, owner, row = _merge(all_gather_object(entries))
    return Gallery(
        image_ids=image_ids,
        texts=texts,
        text_image=np.array(text_image),
        owner=np.array(owner),
        row=np.array(row),
        images=images,
        text_features=encode_texts(model, texts, dtype, store),
    )


def _encode_images(model: Any, dataloader: Any, images: FeatureCache, store: EvaluationStore) -> list[_Entry]:
    entries = [_Entry(**sample) for batch in store.samples() for sample in batch]
    rows = {entry.image_id: entry.row for entry in entries}
    if len(images) < len(rows):
        raise FeatureStoreError(
            f'{images.folder} lacks features of {len(rows) - len(images)} images. Remove the store.'
        )
    # Of a batch whose samples were not written any more nobody knows which images they are.
    images.keep(len(rows))
    total = -(-len(dataloader.dataset) // get_world_size())
    with Progress('Encode images', total, done=len(entries)) as progress:
        for batch in _rest(dataloader, len(entries)) if entries else dataloader:
            fresh, found = [], []
            for position, sample in enumerate(batch['data_samples']):
                image_id = str(sample.image_id)
                if image_id not in rows:
                    rows[image_id] = len(rows)
                    fresh.append(position)
                texts = [sample.text] if isinstance(sample.text, str) else list(sample.text)
                if not texts:
                    raise ValueError(f'Sample {sample.sample_id!r} has no text, so nothing could be retrieved for it.')
                found.append(_Entry(str(sample.sample_id), image_id, rows[image_id], texts))
            if fresh:
                # Whatever an input is (a picture, or its levels from a feature store), the preprocessor takes a list.
                new = {key: [batch[key][position] for position in fresh] for key in ('inputs', 'data_samples')}
                images.append(model.encode_image(model.data_preprocessor(new, False)['inputs']))
            entries += found
            store.add_samples(map(asdict, found))
            progress.step(len(found))
    return entries


def _rest(dataloader: Any, start: int) -> DataLoader:
    """A loader of what ``dataloader`` yields from its sample ``start`` on, in batches of the same size."""
    return DataLoader(
        dataloader.dataset,
        batch_size=dataloader.batch_size,
        sampler=list(dataloader.sampler)[start:],
        num_workers=dataloader.num_workers,
        collate_fn=dataloader.collate_fn,
        worker_init_fn=dataloader.worker_init_fn,
    )


def _merge(entries_of_ranks: list[list[_Entry]]) -> tuple[list[str], list[str], list[int], list[int], list[int]]:
    """Joins the ranks' entries, in the order of the data set where a sampler dealt it out in turns."""
    image_ids: list[str] = []
    texts: list[str] = []
    text_image: list[int] = []
    owner: list[int] = []
    row: list[int] = []
    index: dict[str, int] = {}
    seen: set[str] = set()
    repeated = 0
    for position in range(max(map(len, entries_of_ranks))):
        for rank, entries in enumerate(entries_of_ranks):
            if position >= len(entries):
                continue
            entry = entries[position]
            if entry.sample_id in seen:
                repeated += 1
                continue
            seen.add(entry.sample_id)
            if entry.image_id not in index:
                index[entry.image_id] = len(index)
                image_ids.append(entry.image_id)
                owner.append(rank)
                row.append(entry.row)
            texts += entry.texts
            text_image += [index[entry.image_id]] * len(entry.texts)
    if not image_ids:
        raise ValueError('The retrieval data set is empty: its loader gave no sample.')
    if repeated:
        print_log(f'{repeated} samples came more than once from the loader; each counts once.', logger='current')
    return image_ids, texts, text_image, owner, row


def encode_texts(model: Any, texts: list[str], dtype: torch.dtype | None, store: EvaluationStore) -> FeatureCache:
    """Every rank encodes a run of the texts; all ranks then hold all of them, or read them from the ranks' folders."""
    world, rank = get_world_size(), get_rank()
    share = -(-len(texts) // world)
    mine = texts[rank * share : (rank + 1) * share]
    own = store.features('texts', dtype)
    with Progress('Encode texts', len(mine), done=len(own)) as progress:
        for start in range(len(own), len(mine), TEXT_BATCH):
            part = mine[start : start + TEXT_BATCH]
            own.append(model.encode_text(part))
            progress.step(len(part))
    if world == 1:
        return own
    joined = FeatureCache(dtype)
    for other in all_gather_object(own):
        joined.extend(other)
    return joined
