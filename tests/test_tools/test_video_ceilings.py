"""Upper bounds of video retrieval: by hand, and on the generated videos."""

import runpy
from itertools import pairwise
from pathlib import Path

import pytest

from slan_mm.datasets.shapes import ShapesVideos

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope='module')
def tool():
    return runpy.run_path(str(ROOT / 'tools/analysis/video_ceilings.py'))


def test_what_each_knows(tool):
    scenes = [{'red circle', 'blue star'}, {'red circle', 'green square'}]
    known = {
        ('red circle', 'green square'): [True, True, True],
        ('green square', 'red circle'): [True, True, False],
        ('red circle', 'blue star'): [True, True, False],
        ('green square', 'green square'): [True, False, False],
        ('red circle', 'red star'): [False, False, False],
    }
    for named, expected in known.items():
        assert [fits(named, scenes) for fits in tool['SEERS'].values()] == expected


def test_the_sentence_is_true_of_its_video_and_who_knows_more_reaches_more(tool):
    dataset = ShapesVideos('test', num_videos=60)
    assert dataset[7]['data_samples'].text == [' and '.join(dataset.named_kinds(7, dataset.scenes(7)))]
    reached = list(tool['ceilings'](dataset).values())
    assert all(low[way] < high[way] for low, high in pairwise(reached) for way in (0, 1))
    assert reached[-1][0] < 100


def test_as_a_user_would(tool, capsys):
    tool['main']([])
    assert '| the order of the scenes | ' in capsys.readouterr().out
