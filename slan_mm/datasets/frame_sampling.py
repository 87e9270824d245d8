"""Which frames of a video are looked at."""

import numpy as np


def uniform_moments(total: int, count: int) -> np.ndarray:
    """The middles of ``count`` equal parts of a video of ``total`` frames: rising moments (count,), in mean frames."""
    _check(total, count)
    return (np.arange(count) + 0.5) * total / count


def uniform_frames(total: int, count: int) -> np.ndarray:
    """The frames at :func:`uniform_moments` of a video of ``total`` equally long frames: rising indices (count,).

    In a video of fewer frames some are taken more than once.
    """
    return uniform_moments(total, count).astype(np.int64)


def random_frames(total: int, count: int, rng: np.random.Generator) -> np.ndarray:
    """``count`` frames drawn from ``total``, in the video's order: rising indices (count,).

    Each at most once, or, in a video of fewer frames, each at least once.
    """
    _check(total, count)
    repeated = np.arange(total).repeat(count // total)
    rest = rng.choice(total, size=count - len(repeated), replace=False)
    return np.sort(np.concatenate([repeated, rest]))


def _check(total: int, count: int) -> None:
    if total < 1 or count < 1:
        raise ValueError(f'cannot take {count} frames of a video of {total}: both must be at least 1')
