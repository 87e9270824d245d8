"""A random order of n items that needs no memory."""

import hashlib

_ROUNDS = 4


def permuted(position: int, size: int, *key: int) -> int:
    """The item at ``position`` in an order of ``range(size)`` that ``key`` determines.

    A Feistel network over the next power of four, walked until it lands inside ``range(size)``: a bijection for every
    key, in constant time and memory, where a stored permutation of ten million items costs each worker 80 MB.

    Raises:
        IndexError: ``position`` is not in ``range(size)``.
    """
    if not 0 <= position < size:
        raise IndexError(f'position {position} in an order of {size} items')
    half = max(1, ((size - 1).bit_length() + 1) // 2)
    mask = (1 << half) - 1
    while True:
        left, right = position >> half, position & mask
        for turn in range(_ROUNDS):
            digest = hashlib.blake2b(repr((key, turn, right)).encode(), digest_size=8).digest()
            left, right = right, left ^ (int.from_bytes(digest, 'little') & mask)
        position = left << half | right
        if position < size:
            return position
