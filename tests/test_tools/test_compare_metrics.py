"""Published results are compared with measured ones, digit by digit."""

import json
from pathlib import Path

import pytest
import yaml
from compare_metrics import main

METAFILE = Path(__file__).parents[2] / 'checkpoints/slan_tiny_shapes_long.yml'


@pytest.fixture
def measured():
    return yaml.safe_load(METAFILE.read_text())['Results']


def write(tmp_path, metrics):
    (tmp_path / 'metrics.json').write_text(json.dumps(metrics))
    return [str(METAFILE), str(tmp_path / 'metrics.json')]


def test_all_are_the_same(tmp_path, measured, capsys):
    main(write(tmp_path, {name: value + 1e-5 for name, value in measured.items()} | {'new': 1.0}))
    assert capsys.readouterr().out.startswith(f'all {len(measured)} metrics are those of ')


def test_another_value_and_a_missing_one_are_told(tmp_path, measured):
    del measured['grounding/R1']
    measured['grounding/R5'] += 1e-3
    measured['retrieval/i2t_R1'] = None
    with pytest.raises(SystemExit) as error:
        main(write(tmp_path, measured))
    message = str(error.value)
    assert '3 of ' in message and 'grounding/R1: 84.4348 in the metafile, not measured' in message
    assert 'grounding/R5' in message and 'retrieval/i2t_R1' in message and 'R10' not in message


def test_a_metafile_without_results(tmp_path):
    (tmp_path / 'name.yml').write_text('Name: name\n')
    with pytest.raises(SystemExit, match='no Results'):
        main([str(tmp_path / 'name.yml'), str(tmp_path / 'metrics.json')])
