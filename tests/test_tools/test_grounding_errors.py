"""The tool that says which phrases are grounded: by hand, and run as a user would."""

import runpy
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from mmengine.config import Config

from slan_mm.registry import MODELS

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope='module')
def tool():
    return runpy.run_path(str(ROOT / 'tools/analysis/grounding_errors.py'))


def sample(gold, *answers):
    """A picture of 100 x 200 with a phrase, whose best box after each level is one of ``answers``."""
    levels = [dict(boxes=torch.tensor([answer, [0.0, 0.0, 1.0, 1.0]])) for answer in answers]
    return SimpleNamespace(ori_shape=(100, 200), phrases=[dict(boxes=gold)], pred_phrases=[levels])


def test_phrases_by_hand(tool):
    samples = [
        # A hundredth of the picture: missed by the last level, though the first one had it.
        sample([[0.0, 0.0, 10.0, 20.0]], [0.0, 0.0, 10.0, 20.0], [100.0, 0.0, 200.0, 100.0]),
        # Two gold boxes, of which the larger one counts: half of the picture.
        sample([[0.0, 0.0, 5.0, 5.0], [100.0, 0.0, 200.0, 100.0]], [0.0, 0.0, 50.0, 50.0], [100.0, 0.0, 200.0, 90.0]),
        sample([], [0.0, 0.0, 50.0, 50.0], [0.0, 0.0, 50.0, 50.0]),
    ]
    rows = tool['phrase_rows'](samples)
    assert [row['area'] for row in rows] == [0.01, 0.5]
    assert rows[0]['areas'] == [0.01, 0.5] and rows[1]['areas'] == [0.125, 0.45]
    lines = {line[0]: line[1:] for line in tool['by_area'](rows)}
    assert lines['0 to 0.05'] == ['1', '0.0', '0.0', '0.0', '0.0']
    # The middle of the picture is on the box's edge.
    assert lines['0.5 to 1'] == ['1', '100.0', '100.0', '100.0', '100.0']
    assert lines['0 to 1'] == ['2', '50.0', '50.0', '50.0', '50.0']
    assert lines['0.05 to 0.2'] == ['0', *['-'] * 4]
    # Of two phrases: the first level's larger box is of the larger thing, the last level's is not.
    assert tool['size_correlations'](rows) == pytest.approx([1, -1])


def test_as_a_user_would(tool, tmp_path, capsys):
    cfg = Config.fromfile(ROOT / 'configs/pretrain/slan_tiny_shapes.py')
    torch.manual_seed(0)
    torch.save(MODELS.build(cfg.model).state_dict(), tmp_path / 'weights.pth')
    options = ['test_dataloader.grounding.dataset.num_images=8', 'test_dataloader.grounding.batch_size=4']
    tool['main']([cfg.filename, str(tmp_path / 'weights.pth'), '--device', 'cpu', '--cfg-options', *options])
    printed = capsys.readouterr().out.splitlines()
    assert any(line.startswith('| 0 to 1 | ') for line in printed)
    assert printed[-1].startswith('| correlation of log areas with gold | ') and printed[-1].count('|') == 6
