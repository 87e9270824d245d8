"""tools/analysis/count_params.py and try_full_size.py."""

import sys
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.logging import MMLogger
from torch import nn

ROOT = Path(__file__).parents[2]
TINY = str(ROOT / 'configs/pretrain/slan_tiny_shapes.py')


@pytest.fixture(autouse=True)
def tools(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / 'tools/analysis'))
    logger = MMLogger.get_current_instance()
    level = logger.level
    yield
    logger.setLevel(level)


def test_shared_and_momentum_parameters_count_once(tools):
    from count_params import NOT_COUNTED, count_parameters

    model = nn.Module()
    model.image_branch = nn.Module()
    model.image_branch.detector = nn.Linear(3, 4)  # 16
    model.image_branch.spaces = nn.Linear(2, 2)  # 6
    model.objective = nn.Module()
    model.objective.momentum = nn.Linear(10, 10)  # 110
    model.objective.head = model.image_branch.spaces
    counts = count_parameters(model)
    assert counts['detector (DETR)'] == 16 and counts['image projections'] == 6
    assert counts[NOT_COUNTED] == 110 and counts['total'] == 22
    assert sum(counts.values()) == 22 + 110 + 22


def test_text_encoder_offline(tools, tmp_path):
    from count_params import offline_model

    def config(name):
        encoder = dict(type='StoredTextEncoder', model=name, tokenizer=name, store='store')
        return Config(dict(model=dict(text=dict(encoder=encoder), image=dict(encoder=dict()))))

    encoder = offline_model(config('bert-base-uncased')).text.encoder
    assert encoder == dict(type='TextEncoder', model=dict(vocab_size=30522), tokenizer=dict(type='ShapesTokenizer'))
    (tmp_path / 'config.json').write_text('{"hidden_size": 24}')
    assert offline_model(config(str(tmp_path))).text.encoder.model == dict(hidden_size=24)
    with pytest.raises(ValueError, match="'some-model'"):
        offline_model(config('some-model'))


def test_table(tools, monkeypatch, capsys):
    import count_params

    monkeypatch.setattr(sys, 'argv', ['count_params.py', TINY])
    count_params.main()
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith('|')]
    assert len({len(line) for line in lines}) == 1
    assert '| total ' in '\n'.join(lines) and 'slan_tiny_shapes' in lines[0]


def test_step_and_prediction(tools, monkeypatch, capsys):
    import try_full_size

    monkeypatch.setattr(sys, 'argv', ['try_full_size.py', TINY, '--size', '64'])
    try_full_size.main()
    out = capsys.readouterr().out
    for what in ('build', 'training step', 'prediction'):
        assert f'\n{what}: ' in f'\n{out}'
    assert 'loss_itm' in out and 'regions; the best' in out
    assert torch.is_grad_enabled()
