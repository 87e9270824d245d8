import importlib.util
from pathlib import Path

import pytest
import torch
from mmengine.config import Config

from slan_mm.registry import MODELS

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope='module')
def tool():
    spec = importlib.util.spec_from_file_location('add_levels', ROOT / 'tools/model_converters/add_levels.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def build(seed, norm=True, **encoder):
    """The tiny SLAN with a norm after each projection, in evaluation mode."""
    config = Config.fromfile(ROOT / 'configs/pretrain/slan_tiny_shapes.py').model
    norm_cfg = dict(type='GN', num_groups=8) if norm else None
    config.image.encoder.update(norm_cfg=norm_cfg, **encoder)
    torch.manual_seed(seed)
    return MODELS.build(config).eval()


# The level of stride 4 is new; strides 8 and 16 keep their places.
TWO = dict(out_levels=(1, 2), out_stride_level=0, cell_centres=(0.5 / 8, 0.5 / 16))
GROWN = dict(out_levels=(1, 2, 0), cell_centres=(0.5 / 8, 0.5 / 16, 0.5 / 4))


def test_a_new_level_adds_nothing_before_it_has_learned(tool):
    trained = build(0, **TWO)
    # V at the resolution of the old levels: the same numbers.
    model = build(1, out_stride_level=0, **GROWN)
    images = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        assert not torch.allclose(model.image_branch.encoder(images), trained.image_branch.encoder(images))
        new = tool.add_levels(model, trained.state_dict())
        assert torch.equal(model.image_branch.encoder(images), trained.image_branch.encoder(images))
    assert sorted(name.rsplit('encoder.')[1] for name in new) == [
        f'{part}.2.{kind}' for part in ('norms', 'projections') for kind in ('bias', 'weight')
    ]


def test_a_new_level_learns(tool):
    model = build(1, out_stride_level=2, **GROWN)
    tool.add_levels(model, build(0, **TWO).state_dict())
    model.image_branch.encoder(torch.randn(2, 3, 64, 64)).square().sum().backward()
    norm = model.image_branch.encoder.norms[2]
    assert norm.weight.eq(0).all() and norm.weight.grad.abs().sum() > 0


@pytest.mark.parametrize(
    ('model', 'trained', 'message'),
    [
        (dict(GROWN), dict(GROWN), 'has all 3 levels'),
        (dict(GROWN, norm=False), dict(TWO, norm=False), 'level 2 of image.encoder has no norm'),
        # The new level named first: the old ones would change places.
        (dict(out_levels=(0, 1, 2)), TWO, 'another architecture'),
    ],
)
def test_what_cannot_be_grown_is_refused(tool, model, trained, message):
    with pytest.raises(ValueError, match=message):
        tool.add_levels(build(1, **model), build(0, **trained).state_dict())
