"""The command that shows trainings."""

import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LOG = ROOT / 'docs/runs/own_200/slan_own_data_pretrained-seed0.log.jsonl'


@pytest.fixture(scope='module')
def tool():
    return runpy.run_path(str(ROOT / 'tools/dashboard.py'))


def test_a_page_is_written_beside_the_log_or_where_it_is_asked_for(tool, tmp_path, capsys):
    log = tmp_path / 'run/20260101/vis_data/scalars.json'
    log.parent.mkdir(parents=True)
    log.write_text('{"loss": 1.5, "iter": 10, "step": 10}\n')
    tool['main']([str(tmp_path / 'run')])
    assert 'aria-label="loss: 1.5 at the end"' in (tmp_path / 'run/dashboard.html').read_text()
    assert tool['parse_options']([str(log)]).out == log.parent / 'dashboard.html'
    tool['main']([str(tmp_path / 'run'), str(log), '--out', str(tmp_path / 'both.html')])
    assert capsys.readouterr().out.split() == [str(tmp_path / 'run/dashboard.html'), str(tmp_path / 'both.html')]


def test_kept_logs_are_read(tool):
    run = tool['read_run'](LOG)
    assert run.train['loss'] and run.val['retrieval/mean_recall'] and not run.record


def test_mistakes_are_told(tool, tmp_path, capsys):
    with pytest.raises(SystemExit, match='no log'):
        tool['main']([str(tmp_path)])
    with pytest.raises(SystemExit):
        tool['main']([str(LOG), '--out', str(tmp_path / 'page.pdf')])
    assert 'does not end in .html' in capsys.readouterr().err
