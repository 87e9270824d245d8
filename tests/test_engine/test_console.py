"""What a run says on the console, and what it keeps for the log file."""

import logging
import sys
from pathlib import Path

import torch
from mmengine.config import Config
from support.shrink import shrink

from slan_mm.engine.console import keep_off_console
from slan_mm.engine.launch import build_runner
from slan_mm.registry import MODELS

ROOT = Path(__file__).parents[2]


def test_the_console_of_a_training_is_short_and_ends_with_a_table(tmp_path, capsys):
    cfg = shrink(Config.fromfile(ROOT / 'configs/nlvr2/slan_tiny_shapes_nlvr2.py'))
    torch.manual_seed(0)
    weights = MODELS.build(dict(cfg.model, type='NLVR')).state_dict()
    kept = {name: value for name, value in weights.items() if not name.startswith('head.classifier.')}
    torch.save(dict(state_dict=kept | {'objective.x': torch.ones(1)}), tmp_path / 'start.pth')
    cfg.merge_from_dict(
        {
            'work_dir': str(tmp_path / 'work'),
            'load_from': str(tmp_path / 'start.pth'),
            'train_cfg.max_iters': 2,
            'train_cfg.val_interval': 2,
            'param_scheduler': None,
            'visualizer.vis_backends': [],
        }
    )
    cfg.model.text.encoder.frozen = True
    runner = build_runner(cfg)
    frozen = sum(not value.requires_grad for value in runner.model.parameters())
    assert frozen > 20
    runner.train()
    said = capsys.readouterr().out
    before, after = said.split('Iter(train)', 1)
    assert len(before.splitlines()) <= 10, before
    assert f'in {frozen} tensors, frozen' in before
    assert 'not in the checkpoint, start fresh: head.classifier (4); left out of it: objective.x (1)' in before
    assert 'statements judged rightly' in after and '50.0' in after and 'Iter(val)' not in after
    # The file keeps it all.
    log = next((tmp_path / 'work').rglob('*.log')).read_text()
    assert log.count('is skipped since its requires_grad=False') >= frozen - 3
    for text in ('System environment:', 'Config:', 'paramwise_options', 'missing keys in source', 'Iter(val)'):
        assert text in log
    for text in ('System environment:', 'Config:', 'paramwise_options', 'missing keys in source', 'requires_grad'):
        assert text not in said


def test_only_the_console_leaves_messages_out(tmp_path, capsys):
    logger = logging.Logger('toy')
    logger.addHandler(logging.StreamHandler(sys.stdout))
    logger.addHandler(logging.FileHandler(tmp_path / 'log'))
    keep_off_console(logger, r'long, .* list', 'dump')
    for message in ('long, long list', 'a long list', 'dumped', 'said'):
        logger.info(message)
    assert capsys.readouterr().out.split('\n') == ['a long list', 'said', '']
    logger.handlers[1].close()
    assert (tmp_path / 'log').read_text().count('\n') == 4
