"""Random numbers of a data item: a function of (seed, epoch, index) alone."""

import numpy as np


def item_rng(seed: int, epoch: int, index: int) -> np.random.Generator:
    """The random generator of item ``index`` in ``epoch``.

    It does not depend on the worker process, the rank, the order of the items or what was drawn before, so that a
    run gives the same items with any number of workers and after any resume. All three numbers are non-negative.
    """
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, epoch, index])))


def split_index(index: int | tuple[int, int], length: int) -> tuple[int, int]:
    """``(epoch, index)`` of whatever a data set of ``length`` items may be asked for.

    - ``index + epoch * length``: what ``ResumableSampler`` yields, because the processes that load data cannot be told
      the epoch otherwise. It does so only for data sets that declare the class attribute ``takes_epoch = True``. A
      plain ``index`` below ``length`` is so of epoch 0. A data set made of others packs both anew for its parts:
      ``index_in_part + epoch * len(part)``.
    - ``(epoch, index)``: the same as a pair, for people.

    Raises:
        IndexError: for a negative index, or a pair whose index is not below ``length``.
    """
    if isinstance(index, tuple):
        epoch, index = int(index[0]), int(index[1])
        if not 0 <= index < length:
            raise IndexError(f'index {index} of a data set of {length} items')
        return epoch, index
    if index < 0:
        raise IndexError(f'index {index} is negative; items are numbered from 0')
    epoch, index = divmod(int(index), length)
    return epoch, index
