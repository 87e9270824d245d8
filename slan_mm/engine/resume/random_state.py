"""The random state of this process, in a form that ``torch.load(weights_only=True)`` accepts."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch


def random_state() -> dict[str, Any]:
    """States of Python's, NumPy's and PyTorch's global generators (and of the current GPU's), as plain values."""
    algorithm, keys, position, has_gauss, cached = np.random.get_state()  # noqa: NPY002
    state = {
        'python': random.getstate(),
        'numpy': (algorithm, torch.from_numpy(keys.astype(np.int64)), position, has_gauss, cached),
        'torch': torch.get_rng_state(),
    }
    if torch.cuda.is_available():
        state['cuda'] = torch.cuda.get_rng_state()
    return state


def set_random_state(state: dict[str, Any]) -> None:
    """Puts back what :func:`random_state` returned; tensors of it may have been moved to another device."""
    version, internal, gauss = state['python']
    random.setstate((version, tuple(internal), gauss))
    algorithm, keys, *rest = state['numpy']
    np.random.set_state((algorithm, keys.cpu().numpy().astype(np.uint32), *rest))  # noqa: NPY002
    torch.set_rng_state(state['torch'].cpu())
    if 'cuda' in state and torch.cuda.is_available():
        torch.cuda.set_rng_state(state['cuda'].cpu())


@contextmanager
def preserved_random_state() -> Iterator[None]:
    """Whatever is drawn inside leaves no trace: afterwards the generators are as they were before."""
    state = random_state()
    try:
        yield
    finally:
        set_random_state(state)
