"""The tiny twins of captioning and VQA, from training to a score, and what the overfit check says of them."""

import runpy
import sys
from pathlib import Path

import pytest
from mmengine.config import Config
from support.shrink import shrink

from slan_mm.engine.launch import build_runner

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ('config', 'scores'),
    [
        ('captioning/slan_tiny_shapes_captioning.py', {'caption/CIDEr_simple', 'caption/exact'}),
        ('vqa/slan_tiny_shapes_vqa_rank.py', {'vqa/accuracy'}),
    ],
)
def test_training_then_test(config, scores, tmp_path):
    if 'captioning' in config:
        pytest.importorskip('pycocoevalcap', reason='the extra captions is not installed')
    cfg = shrink(Config.fromfile(ROOT / 'configs' / config))
    cfg.merge_from_dict(
        {
            'work_dir': str(tmp_path),
            'experiment_name': f'{Path(config).stem}_train',
            'log_level': 'WARNING',
            'train_cfg.max_iters': 2,
            'default_hooks.checkpoint.interval': 2,
        }
    )
    build_runner(cfg).train()
    cfg.load_from = str(tmp_path / 'iter_2.pth')
    cfg.experiment_name = f'{Path(config).stem}_test'
    metrics = build_runner(cfg).test()
    assert scores <= set(metrics)
    assert all(0 <= metrics[name] <= 1000 for name in scores)


def test_overfit_check(tmp_path, monkeypatch, capsys):
    shrink(Config.fromfile(ROOT / 'configs/vqa/slan_tiny_shapes_vqa.py')).dump(tmp_path / 'toy.py')

    def check(*options):
        arguments = [str(tmp_path / 'toy.py'), '--items', '2', '--iterations', '3', '--device', 'cpu', *options]
        monkeypatch.setattr(sys, 'argv', ['overfit.py', *arguments])
        with pytest.raises(SystemExit) as stop:
            runpy.run_path(str(ROOT / 'tools' / 'analysis' / 'overfit.py'), run_name='__main__')
        return stop.value.code

    assert check('--metric', 'vqa/accuracy', '--at-least', '0') == 0
    assert 'vqa/accuracy on 2 items it was trained on' in capsys.readouterr().out
    assert check('--metric', 'vqa/accuracy', '--at-least', '101') == 1
    assert check('--metric', 'bleu') == 'there is no score bleu'
    assert 'only 8 items to choose, 9 were asked for' in check('--metric', 'vqa/accuracy', '--items', '9')
