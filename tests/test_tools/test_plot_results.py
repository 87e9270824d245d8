"""The figures of the results have the numbers of the records."""

import json
import xml.etree.ElementTree as ET
from pathlib import Path
from statistics import mean, stdev

import pytest
from plot_results import Point, ablation_points, draw, main, result_points

ROOT = Path(__file__).parents[2]
RUNS = ROOT / 'docs/runs'
MENDED = 'draw it again: python tools/analysis/plot_results.py --out-dir docs/images'


@pytest.fixture(scope='module')
def ablations():
    return ablation_points(ROOT / 'configs/ablation/grid.yaml', RUNS / 'ablations')


def measured(name, metric):
    return json.loads((RUNS / name).read_text())['test'][metric]


def test_a_row_is_its_differences_to_the_default_seed_by_seed(ablations):
    (point,) = [one for one in ablations if one.label == 'no region adaptor' and one.metric == 'grounding/R1']
    values = [
        measured(f'ablations/adaptors-0-seed{seed}.json', 'grounding/R1')
        - measured(f'ablations/default-seed{seed}.json', 'grounding/R1')
        for seed in range(3)
    ]
    assert point.values == pytest.approx(values)
    # As the table of docs/ablations.md has it.
    assert (round(point.mean, 1), round(point.spread, 1)) == (-70.0, 8.9)


def test_runs_of_one_config_are_a_point():
    (point,) = [one for one in result_points(RUNS) if one.label == 'three region adaptors' and 'i2t' in one.metric]
    values = [measured(f'shapes_long/slan_tiny_shapes_long-seed{seed}.json', 'retrieval/i2t_R1') for seed in range(3)]
    assert (point.mean, point.spread) == pytest.approx((mean(values), stdev(values)))


def test_what_is_drawn_are_means_and_spreads():
    points = [
        Point('t', 'worse', 'a', (-4.0, -2.0)),
        Point('t', 'unsure', 'a', (-1.0, 2.0)),
        Point('t', 'x', 'b', (3.0,)),
    ]
    left, right = draw(points, {'a': 'A', 'b': 'B'}, 2, difference=True).axes
    bars = [container.lines for container in left.containers]
    assert [line[0].get_xdata()[0] for line in bars] == [-3.0, 0.5]
    ends = [line[2][0].get_segments()[0][:, 0].tolist() for line in bars]
    assert ends[0] == pytest.approx([-3 - 2**0.5, -3 + 2**0.5]) and ends[1] == pytest.approx(
        [0.5 - 4.5**0.5, 0.5 + 4.5**0.5]
    )
    assert bars[0][0].get_markerfacecolor() != 'white' and bars[1][0].get_markerfacecolor() == 'white'
    assert [label.get_text() for label in left.get_yticklabels()] == ['t', 'worse', 'unsure', 'x']
    assert len(right.containers) == 1


@pytest.mark.parametrize('name', ['ablations', 'results'])
def test_the_kept_figures_are_of_the_records(name, ablations):
    points = ablations if name == 'ablations' else result_points(RUNS)
    tree = ET.parse(ROOT / f'docs/images/{name}.svg')
    (description,) = tree.iter('{http://purl.org/dc/elements/1.1/}description')
    kept = [Point(**{**point, 'values': tuple(point['values'])}) for point in json.loads(description.text)]
    assert kept == points, MENDED


def test_both_figures_are_written(tmp_path, capsys):
    main(['--out-dir', str(tmp_path)])
    assert sorted(path.name for path in tmp_path.iterdir()) == ['ablations.svg', 'results.svg']
    assert 'results.svg' in capsys.readouterr().out
