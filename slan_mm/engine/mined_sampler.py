"""Training batches that hold hard negatives of the whole data set, not only those that a batch happens to have."""

from collections.abc import Sized
from pathlib import Path
from typing import Any

import numpy as np

from slan_mm.engine.sampler import ResumableSampler
from slan_mm.registry import DATA_SAMPLERS


@DATA_SAMPLERS.register_module()
class MinedSampler(ResumableSampler):
    """``ResumableSampler`` whose order is made of groups: a pair, then pairs of images that are its mined negatives.

    Negatives of a batch are drawn as before, and a pair's group is in its batch. An epoch has as many items as the data
    set.

    Args:
        dataset: Its items have an ``image_id``.
        neighbours: npz file with ``images`` (N,), ids, and ``neighbours`` (N, K), rows of ``images`` from the hardest
            on, as ``tools/analysis/mine_negatives.py`` writes it.
        group: Items of a group.
        options: Of ``ResumableSampler``.

    Raises:
        ValueError: An image of the data set has no neighbours in the file.
    """

    def __init__(self, dataset: Sized, neighbours: str | Path, group: int = 4, **options: Any) -> None:
        super().__init__(dataset, **options)
        with np.load(neighbours, allow_pickle=False) as file:
            rows = {name: row for row, name in enumerate(file['images'].tolist())}
            self.neighbours = file['neighbours']
        ids = [dataset.get_data_info(index)['image_id'] for index in range(len(dataset))]  # type: ignore[attr-defined]
        if unknown := next((name for name in ids if name not in rows), None):
            raise ValueError(f'{neighbours} has no neighbours of image {unknown!r}')
        self.row_of_item = np.array([rows[name] for name in ids])
        self.items_of_row = [np.flatnonzero(self.row_of_item == row) for row in range(len(rows))]
        self.group = group

    def permutation(self, epoch: int) -> np.ndarray:
        """(N,) the indices of ``epoch``."""
        key = (self.seed, epoch)
        if self._order is None or self._order[0] != key:
            rng = np.random.default_rng(key)
            order: list[int] = []
            for item in rng.permutation(self.size)[: -(-self.size // self.group)]:
                own = self.neighbours[self.row_of_item[item]]
                chosen = own[rng.permutation(len(own))[: self.group - 1]]
                order += [int(item), *(int(rng.choice(self.items_of_row[row])) for row in chosen)]
            self._order = key, np.array(order[: self.size])
        return self._order[1]
