"""Logs of runs: resumed, still being written, damaged."""

import json
import math

import pytest

from slan_mm.text_files import TextFileError
from slan_mm.visualization.run_log import read_run


def write(folder, time, lines, end='\n'):
    log = folder / time / 'vis_data/scalars.json'
    log.parent.mkdir(parents=True)
    log.write_text('\n'.join(line if isinstance(line, str) else json.dumps(line) for line in lines) + end)
    return log


def train(iteration, loss):
    return dict(loss=loss, lr=0.1, iter=iteration, step=iteration)


def test_a_resumed_run_goes_on_from_where_it_was_resumed(tmp_path):
    write(tmp_path, '1', [train(10, 3.0), train(20, 2.0), {'grounding/R1': 5.0, 'step': 20}, train(30, 9.0)])
    write(tmp_path, '2', [train(25, 1.5), {'grounding/R1': 7.0, 'step': 25}])
    # A test alone logs metrics at iteration 0: that is no validation.
    write(tmp_path, '3', [{'grounding/R1': 99.0, 'step': 0}])
    run = read_run(tmp_path)
    assert run.train['loss'] == {10: 3.0, 20: 2.0, 25: 1.5}
    assert run.val == {'grounding/R1': {20: 5.0, 25: 7.0}}
    assert run.name == str(tmp_path) and not run.record and not run.pictures


def test_records_and_pictures_are_found(tmp_path):
    log = write(tmp_path, '1', [train(1, 1.0)])
    (tmp_path / 'run.json').write_text('{"seed": 3}')
    (tmp_path / 'frames').mkdir()
    for iteration in (0, 100):
        (tmp_path / f'frames/iter_{iteration:06d}.png').touch()
    run = read_run(tmp_path)
    assert run.record == {'seed': 3} and list(run.pictures) == [0, 100]
    assert read_run(log).train == run.train and not read_run(log).record


def test_a_line_that_is_being_written_is_left_out_and_a_damaged_one_is_told(tmp_path):
    write(tmp_path / 'on', '1', [train(1, 1.0), '{"loss": 0.'], end='')
    assert read_run(tmp_path / 'on').train['loss'] == {1: 1.0}
    write(tmp_path / 'off', '1', ['{"loss": 0.', train(1, 1.0)])
    with pytest.raises(TextFileError, match=r'scalars\.json, line 1'):
        read_run(tmp_path / 'off')
    write(tmp_path / 'list', '1', ['[1]', train(1, 1.0)])
    with pytest.raises(TextFileError, match='names and values'):
        read_run(tmp_path / 'list')
    with pytest.raises(FileNotFoundError, match='no log'):
        read_run(tmp_path / 'none')


def test_numbers_that_are_not_finite_are_gaps(tmp_path):
    write(tmp_path, '1', ['{"loss": NaN, "iter": 1, "step": 1}', '{"loss": Infinity, "iter": 2, "step": 2}'])
    assert all(math.isnan(value) for value in read_run(tmp_path).train['loss'].values())


@pytest.mark.parametrize('step', ['"x"', 'null', 'NaN', 'Infinity', '[1]', '1.5'])
@pytest.mark.parametrize('name', ['iter', 'step'])
def test_an_iteration_that_is_no_number(tmp_path, name, step):
    write(tmp_path, '1', [f'{{"loss": 1, "{name}": {step}}}', train(1, 1.0)])
    with pytest.raises(TextFileError, match=rf'scalars\.json, line 1: {name} should be a number of iterations'):
        read_run(tmp_path)


def test_odd_lines_and_files(tmp_path):
    write(tmp_path, '1', [f'{{"iter": 1, "a\u2028b": 1, "loss": {"9" * 400}}}'])
    (tmp_path / 'frames').mkdir()
    (tmp_path / 'frames/iter_last.png').touch()
    run = read_run(tmp_path)
    assert run.train['a\u2028b'] == {1: 1} and math.isnan(run.train['loss'][1]) and not run.pictures
    (tmp_path / 'run.json').write_text('[]')
    with pytest.raises(TextFileError, match=r'run\.json: the record of a run has names and values'):
        read_run(tmp_path)
