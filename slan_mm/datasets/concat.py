"""Several data sets as one."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import Any

import torch
from torch.utils.data import Dataset

from slan_mm.datasets.permutation import permuted
from slan_mm.datasets.seeding import split_index
from slan_mm.registry import DATASETS


@DATASETS.register_module()
class WeightedConcatDataset(Dataset):
    """Map-style data sets one after the other, each with its share of an epoch.

    Without ``weights`` an epoch is every item once. With them it has ``length`` items, of which part k gives a share
    ``weights[k] / sum(weights)``. A part's items come in a random order, all of them before any comes again, over as
    many epochs as that takes: what part k gives depends on (seed, epoch, index) alone. The items of a part stand
    side by side; a shuffling sampler mixes them.

    Each pass over a part is an epoch of that part, so that a part that comes around three times in an epoch gives
    other captions and augmentations each time. (``takes_epoch`` parts only; others get plain indices.)

    Image ids of different parts must differ, or samples would pass for the same image: give the parts an
    ``id_prefix``.

    Args:
        datasets: Data sets, or their configs.
        weights: Sampling weight of each part, not negative; None: in proportion to its length, each item once.
        length: Items of an epoch. None: the sum of the parts' lengths. Needs ``weights``.
        seed: Seed of the order in the parts.

    Raises:
        ValueError: No parts, an empty one, or ``weights`` and ``length`` that do not fit.
    """

    #: ``ResumableSampler`` may pack the epoch into the index.
    takes_epoch = True

    def __init__(
        self,
        datasets: Sequence[dict | Dataset],
        weights: Sequence[float] | None = None,
        length: int | None = None,
        seed: int = 0,
    ) -> None:
        self.datasets = [DATASETS.build(part) if isinstance(part, dict) else part for part in datasets]
        self.weights = weights
        self.seed = seed
        # Shared memory: workers that live over several epochs see the new epoch, too.
        self._epoch = torch.zeros(1, dtype=torch.int64).share_memory_()
        self.full_init()
        if not self.datasets or not all(len(part) for part in self.datasets):
            raise ValueError(
                f'WeightedConcatDataset needs parts with items, got {[len(p) for p in self.datasets]} items'
            )
        sizes = [len(part) for part in self.datasets]
        if weights is None:
            if length is not None:
                raise ValueError('length needs weights: without them an epoch is every item once')
            self.shares = sizes
        else:
            if len(weights) != len(sizes) or min(weights) < 0 or sum(weights) <= 0:
                raise ValueError(f'{len(sizes)} parts need as many weights >= 0, not all 0; got {list(weights)}')
            self.shares = _shares(weights, sum(sizes) if length is None else length)
        self.ends = list(accumulate(self.shares))

    @property
    def metainfo(self) -> dict:
        """Meta information of the first part."""
        return self.datasets[0].metainfo

    def full_init(self) -> None:
        """Initialises parts that were built with ``lazy_init``."""
        for part in self.datasets:
            if hasattr(part, 'full_init'):
                part.full_init()

    def set_epoch(self, epoch: int) -> None:
        """Sets the epoch that epochs packed into an index count from, for this process and every worker."""
        self._epoch[0] = epoch

    def locate(self, index: int) -> tuple[int, int, int]:
        """(part, pass over that part, index in it) of an index, which may carry an epoch."""
        epoch, index = split_index(int(index), len(self))
        epoch += int(self._epoch[0])
        part = bisect_right(self.ends, index)
        place = index - (self.ends[part - 1] if part else 0)
        if self.weights is None:
            return part, epoch, place
        size = len(self.datasets[part])
        turn, place = divmod(epoch * self.shares[part] + place, size)
        return part, turn, permuted(place, size, self.seed, part, turn)

    def get_data_info(self, index: int) -> dict:
        """The data list's entry of an item."""
        part, _, index = self.locate(index)
        return self.datasets[part].get_data_info(index)

    def __getitem__(self, index: int) -> Any:
        number, turn, index = self.locate(index)
        part = self.datasets[number]
        return part[index + turn * len(part) if getattr(type(part), 'takes_epoch', False) else index]

    def __iter__(self) -> Iterator[Any]:
        """One epoch in order."""
        return (self[index] for index in range(len(self)))

    def __len__(self) -> int:
        return self.ends[-1]


def _shares(weights: Sequence[float], length: int) -> list[int]:
    """``length`` items split by ``weights``, rounded so that the sum is kept (largest remainders)."""
    exact = [length * weight / sum(weights) for weight in weights]
    shares = [int(value) for value in exact]
    by_remainder = sorted(range(len(exact)), key=lambda k: shares[k] - exact[k])
    for part in by_remainder[: length - sum(shares)]:
        shares[part] += 1
    return shares
