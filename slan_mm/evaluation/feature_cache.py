"""Features kept in memory or on disk, and moved to the model's device a few at a time."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from slan_mm.feature_store import StoredRecord, save_record
from slan_mm.structures import Batched


class FeatureCache:
    """Encoded images or texts, kept in the batches they came in, so that they never exist twice.

    Args:
        dtype: floating tensors are kept in this type, e.g. torch.float16; None keeps the model's.
        folder: batches are kept there, one file each, and what is there already is the beginning of the store; None
            keeps them in memory.

    Raises:
        FeatureStoreError: a file of ``folder`` is damaged.
    """

    def __init__(self, dtype: torch.dtype | None = None, folder: Path | None = None) -> None:
        self.dtype = dtype
        self.folder = folder
        self._batches: list[Batched | StoredRecord] = []
        self._starts: list[int] = []
        self._size = 0
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
            while (path := self._next_path(folder)).exists():
                self._add(StoredRecord(path))

    def _next_path(self, folder: Path) -> Path:
        return folder / f'{len(self._batches):06d}.safetensors'

    def append(self, features: Batched) -> None:
        """Adds a batch of features behind the ones that are there.

        Raises:
            FeatureStoreError: the store is on disk and a feature is not finite in its type.
        """
        if not len(features):
            return
        if self.folder is None:
            self._add(features.detach().to(device='cpu', dtype=self.dtype))
        else:
            path = self._next_path(self.folder)
            save_record(path, features, self.dtype)
            self._add(StoredRecord(path))

    def _add(self, batch: Batched | StoredRecord) -> None:
        self._batches.append(batch)
        self._starts.append(self._size)
        self._size += len(batch)

    def keep(self, size: int) -> None:
        """Drops the batches, and their files, behind the first ``size`` features."""
        while self._batches and self._starts[-1] >= size:
            self._batches.pop()
            self._size = self._starts.pop()
            if self.folder is not None:
                self._next_path(self.folder).unlink()

    def extend(self, other: FeatureCache) -> None:
        """Adds all features of another store, where and as they are."""
        for batch in other.batches:
            self._add(batch)

    @property
    def batches(self) -> Sequence[Batched | StoredRecord]:
        return self._batches

    def __len__(self) -> int:
        return self._size

    def take(self, index: Tensor, device: torch.device, dtype: torch.dtype) -> Batched:
        """The features at ``index`` (n,), in that order, on ``device``, with floating tensors of type ``dtype``.

        An element that occurs many times in ``index`` is moved to another device once.
        """
        if not len(index):
            raise IndexError('There is nothing to take: the index is empty.')
        if device.type == 'cpu' and bool((index[1:] >= index[:-1]).all()):
            # Nothing moves, so one copy in order is the cheapest.
            return self._gather(index).to(dtype=dtype)
        unique, inverse = index.unique(return_inverse=True)
        return self._gather(unique).to(device=device, dtype=dtype)[inverse.to(device)]

    def _gather(self, index: Tensor) -> Batched:
        """The features at a rising ``index``, as they are kept."""
        batch_of = torch.searchsorted(torch.tensor(self._starts), index, right=True) - 1
        parts = [
            self._batches[number][index[batch_of == number] - self._starts[number]]
            for number in batch_of.unique().tolist()
        ]
        return parts[0] if len(parts) == 1 else type(parts[0]).cat(parts)
