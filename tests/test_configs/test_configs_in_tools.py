"""What tools/train.py and tools/test.py change in a config fits each config of the repository."""

from contextlib import nullcontext
from pathlib import Path

import pytest
from mmengine.config import Config
from mmengine.registry import init_default_scope

from slan_mm.applied_config import without_feature_stores, without_momentum
from slan_mm.engine.launch import enable_auto_scale_lr, enable_compile, set_show_dir, set_tta
from slan_mm.engine.smoke import make_smoke_run

ROOT = Path(__file__).parents[2] / 'configs'
CONFIGS = [path for path in sorted(ROOT.rglob('*.py')) if '_base_' not in path.parts]


@pytest.fixture(params=CONFIGS, ids=[str(path.relative_to(ROOT).with_suffix('')) for path in CONFIGS])
def cfg(request):
    cfg = Config.fromfile(request.param)
    if 'model' not in cfg:
        pytest.skip('settings that configs share')
    init_default_scope(cfg.get('default_scope', 'slan_mm'))
    return cfg


def test_a_config_as_the_tools_change_it(cfg):
    model = without_feature_stores(without_momentum(cfg.model))
    assert not (model.get('objective') or {}).get('momentum')
    assert 'Stored' not in str((model.get('image') or {}).get('encoder'))
    assert model.type == cfg.model.type
    make_smoke_run(cfg)
    enable_compile(cfg)
    known = 'base_batch_size' in (cfg.get('auto_scale_lr') or {})
    with nullcontext() if known else pytest.raises(ValueError, match='does not say for which batch size'):
        enable_auto_scale_lr(cfg)
    drawn = (cfg.get('default_hooks') or {}).get('visualization')
    with nullcontext() if drawn else pytest.raises(ValueError, match='has no visualization hook'):
        set_show_dir(cfg, 'pictures')
    views = 'tta_model' in cfg or 'grounding' in (cfg.get('test_dataloader') or {})
    with nullcontext() if views else pytest.raises(ValueError, match='has no tta_model'):
        set_tta(cfg)
