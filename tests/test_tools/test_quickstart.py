"""The quickstart on a few pictures: what it leaves behind, and that it goes on where it was interrupted."""

import json
import runpy
import shutil
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import pytest
import torch
from mmengine.hooks import Hook
from PIL import Image

ROOT = Path(__file__).parents[2]
METRICS = {
    *('retrieval/i2t_R1', 'retrieval/t2i_R1', 'retrieval_itc/i2t_R1', 'retrieval_itc/t2i_R1'),
    *('grounding/R1', 'grounding/R5', 'grounding/pointing', 'grounding/mean_iou'),
    *('grounding/pointing_level0', 'grounding/R1_level0', 'grounding/R1_center', 'grounding/pointing_center'),
    *('regions/mean_side', 'regions/pairwise_iou', 'train_eval_minutes'),
}  # fmt: skip


@pytest.fixture(scope='module')
def tool():
    threads = torch.get_num_threads()
    yield runpy.run_path(str(ROOT / 'tools' / 'quickstart.py'))
    torch.set_num_threads(threads)


@pytest.fixture(scope='module')
def finished(tool, tmp_path_factory):
    """A finished smoke run: its folder, which also holds what it printed."""
    folder = tmp_path_factory.mktemp('quickstart') / 'run'
    with redirect_stdout(StringIO()) as printed:
        tool['main'](['--smoke', '--threads', '1', '--work-dir', str(folder)])
    (folder / 'printed').write_text(printed.getvalue())
    return folder


def metrics_of(folder):
    return json.loads((folder / 'metrics.json').read_text())


def test_leaves_metrics_pictures_and_log(finished):
    metrics = metrics_of(finished)
    assert metrics.keys() >= METRICS
    assert metrics['retrieval/chance_R1'] == pytest.approx(100 / 12)
    assert 0 < metrics['train_eval_minutes'] < 5
    for name in ('regions.png', 'retrieval.png'):
        with Image.open(finished / name) as figure:
            assert min(figure.size) > 500
    log = (finished / 'log').read_text()
    assert '4/4' in log and 'phrase -> pointing accuracy' in log
    assert 'Iter(train)' in log, 'the whole log of the run is there'


def test_tells_progress_and_ends_with_table_and_paths(finished):
    printed = (finished / 'printed').read_text()
    progress = [line for line in printed.splitlines() if line.lstrip().startswith(('2/4', '4/4'))]
    assert len(progress) == 2
    assert all(word in progress[1] for word in ('left', 'loss', 'itc', 'itm', 'lm', 'reg'))
    assert printed.index('phrase -> pointing accuracy') < printed.index(str(finished / 'regions.png'))
    assert 'paramwise_options' not in printed and 'Iter(train)' not in printed, 'the console is kept readable'


def test_first_comes_what_the_shipped_model_finds(finished):
    shipped = json.loads((finished / 'shipped' / 'metrics.json').read_text())
    assert shipped.keys() >= METRICS - {'train_eval_minutes'}
    # It has learned, on a dozen pictures too; chance is 100 / 12.
    assert shipped['retrieval/t2i_R1'] > 50 and shipped['retrieval/chance_R1'] == pytest.approx(100 / 12)
    for name in ('regions.png', 'retrieval.png'):
        with Image.open(finished / 'shipped' / name) as figure:
            assert min(figure.size) > 500
    printed = (finished / 'printed').read_text()
    assert printed.index('before any adaptor') < printed.index(str(finished / 'shipped' / 'regions.png'))
    assert printed.index(str(finished / 'shipped' / 'regions.png')) < printed.index('training: ')


def test_a_finished_run_is_not_repeated(finished, tool, capsys):
    tool['main'](['--smoke', '--work-dir', str(finished)])
    again = capsys.readouterr().out
    assert 'holds a finished run' in again and '/4' not in again
    assert again.index('before any adaptor') < again.index(str(finished / 'regions.png'))


def test_an_interrupted_run_goes_on(finished, tool, tmp_path, capsys):
    folder = tmp_path / 'interrupted'
    shutil.copytree(finished, folder)
    for name in ('metrics.json', 'iter_4.pth', 'last_checkpoint'):
        (folder / name).unlink()
    tool['main'](['--smoke', '--threads', '1', '--work-dir', str(folder)])
    out = capsys.readouterr().out
    assert '3/4' not in out and '2/4' not in out and '4/4' in out
    whole, resumed = metrics_of(finished), metrics_of(folder)
    names = METRICS - {'train_eval_minutes'}
    assert {name: resumed[name] for name in names} == {name: whole[name] for name in names}


def test_the_time_before_an_interruption_counts(tool):
    hook = tool['ProgressHook'](2, log=None)
    assert isinstance(hook, Hook) and hook.seconds < 60
    checkpoint = {}
    hook.after_load_checkpoint(None, {'quickstart_seconds': 300.0})
    hook.before_save_checkpoint(None, checkpoint)
    assert 300 <= checkpoint['quickstart_seconds'] < 360


def test_other_settings_are_not_mixed_with_a_run(finished, tool):
    with pytest.raises(SystemExit, match='other settings.*--fresh'):
        tool['main'](['--work-dir', str(finished)])


def test_fresh_throws_only_its_own_runs_away(tool, tmp_path):
    foreign = tmp_path / 'foreign'
    foreign.mkdir()
    (foreign / 'thesis.tex').write_text('...')
    with pytest.raises(SystemExit, match='not empty'):
        tool['prepare_folder'](foreign, 'settings', fresh=True)
    assert (foreign / 'thesis.tex').exists()
    own = tmp_path / 'own'
    tool['prepare_folder'](own, 'settings', fresh=False)
    (own / 'iter_2.pth').write_text('old')
    tool['prepare_folder'](own, 'others', fresh=True)
    assert [path.name for path in own.iterdir()] == ['quickstart.json']
