"""The first losses of the tiny config are those of the version that the documented results come from."""

import json
import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def test_tiny_config_trains_as_it_did():
    tool = runpy.run_path(str(ROOT / 'tools/analysis/golden_losses.py'))
    expected = json.loads((ROOT / 'tests/assets/golden_slan_tiny_shapes.json').read_text())
    assert len(expected) == 20
    losses = tool['golden_losses'](ROOT / 'configs/pretrain/slan_tiny_shapes.py', len(expected))
    for iteration, (now, then) in enumerate(zip(losses, expected, strict=True), start=1):
        # Other processors round otherwise, and training carries it on; a change of the method is far larger.
        assert now == pytest.approx(then, rel=2e-3, abs=1e-3), f'iteration {iteration}'
