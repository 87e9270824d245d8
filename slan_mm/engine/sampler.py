"""The order in which training sees its data: seeded, sharded over ranks, and open at any point."""

from collections.abc import Iterator, Sized

import numpy as np
from mmengine.dist import get_dist_info, sync_random_seed
from torch.utils.data import Sampler

from slan_mm.registry import DATA_SAMPLERS


@DATA_SAMPLERS.register_module()
class ResumableSampler(Sampler[int]):
    """Yields this rank's share of one global order of samples, from any position on, at no cost, without end.

    The global order is a sequence of epochs, each a permutation of the data set that depends on ``(seed, epoch)``
    alone. With ``n`` ranks of ``batch_size`` samples, global batch ``k`` is items ``k*n*batch_size`` and following of
    that order; rank ``r`` takes its ``r``-th run of ``batch_size`` items. So the batches of all ranks, joined in rank
    order, are the batch one rank would see with ``n * batch_size``, item by item.

    **Epoch in the index.** A worker process holds its own copy of the data set, which ``set_epoch`` on the copy of the
    main process does not reach. A data set whose items differ from epoch to epoch therefore declares the class
    attribute ``takes_epoch = True`` and receives ``index + epoch * len(dataset)``, which
    :func:`slan_mm.datasets.seeding.split_index` takes apart. Any other data set receives the plain index.

    Args:
        dataset: the data set.
        seed: of the permutations; None draws one that all ranks share. A resumed run takes the seed of its checkpoint.
        shuffle: whether an epoch is a permutation, or the data set in its own order.
        batch_size: samples of one rank's batch. :class:`ResumableIterLoop` sets it to the data loader's.
    """

    def __init__(
        self,
        dataset: Sized,
        seed: int | None = None,
        shuffle: bool = True,
        batch_size: int = 1,
    ) -> None:
        if len(dataset) == 0:
            raise ValueError(f'{type(dataset).__name__} is empty: there is nothing to sample from')
        if batch_size < 1:
            raise ValueError(f'batch_size must be at least 1, got {batch_size}')
        self.rank, self.world_size = get_dist_info()
        self.size = len(dataset)
        self.seed = sync_random_seed() if seed is None else seed
        self.shuffle = shuffle
        self.batch_size = batch_size
        self.start = 0
        self.takes_epoch = bool(getattr(type(dataset), 'takes_epoch', False))
        self._order: tuple[tuple[int, int], np.ndarray] | None = None

    def seek(self, position: int) -> None:
        """Makes the next iteration begin at global ``position``: the number of samples all ranks have taken so far."""
        self.start = position

    def skip(self, num_samples: int) -> None:
        """Moves on by ``num_samples`` of this rank; MMEngine's own iteration-based loop calls it on resuming."""
        self.start += num_samples * self.world_size

    def permutation(self, epoch: int) -> np.ndarray:
        """(N,) the data set's indices in the order of ``epoch``."""
        if not self.shuffle:
            return np.arange(self.size)
        key = (self.seed, epoch)
        if self._order is None or self._order[0] != key:
            self._order = key, self.draw(np.random.default_rng(key))
        return self._order[1]

    def draw(self, rng: np.random.Generator) -> np.ndarray:
        """(N,) the indices of an epoch, drawn by its ``rng``: a permutation."""
        return rng.permutation(self.size)

    def item(self, position: int) -> int:
        """What the sampler yields for global ``position``: an index, with its epoch where the data set takes one."""
        epoch, place = divmod(position, self.size)
        index = int(self.permutation(epoch)[place])
        return index + epoch * self.size if self.takes_epoch else index

    def __iter__(self) -> Iterator[int]:
        first = self.start + self.rank * self.batch_size
        while True:
            for position in range(first, first + self.batch_size):
                yield self.item(position)
            first += self.world_size * self.batch_size

    def __len__(self) -> int:
        """Samples of one epoch that this rank takes."""
        return -(-self.size // self.world_size)
