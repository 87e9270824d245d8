"""Random states survive a trip through a safely read file."""

import io
import random

import numpy as np
import torch

from slan_mm.engine.resume.random_state import preserved_random_state, random_state, set_random_state


def draw():
    return random.random(), np.random.standard_normal(), torch.rand(3).tolist()  # noqa: NPY002


def test_a_state_read_back_gives_the_same_numbers():
    file = io.BytesIO()
    torch.save(random_state(), file)
    expected = [draw() for _ in range(3)]
    file.seek(0)
    set_random_state(torch.load(file, weights_only=True))
    assert [draw() for _ in range(3)] == expected


def test_what_is_drawn_inside_leaves_no_trace():
    state = random_state()
    expected = draw()
    set_random_state(state)
    with preserved_random_state():
        assert draw() == expected
    assert draw() == expected
