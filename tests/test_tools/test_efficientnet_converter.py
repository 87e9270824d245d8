import importlib.util
from pathlib import Path

import pytest
import timm
import torch

from slan_mm.registry import MODELS

_PATH = Path(__file__).parents[2] / 'tools' / 'model_converters' / 'efficientnet_lite_to_timm.py'


@pytest.fixture(scope='module')
def tool():
    spec = importlib.util.spec_from_file_location('efficientnet_lite_to_timm', _PATH)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope='module')
def whole():
    torch.manual_seed(0)
    return timm.create_model('tf_efficientnet_lite0', pretrained=False).eval()


def test_converted_weights_load_and_give_the_same_features(tool, whole, tmp_path):
    # A port: the same tensors in the same order under other names.
    port = {f'_part{i}.{name.rsplit(".", 1)[-1]}': value for i, (name, value) in enumerate(whole.state_dict().items())}
    torch.save(port, tmp_path / 'port.pth')
    tool.main([str(tmp_path / 'port.pth'), str(tmp_path / 'converted.safetensors')])
    encoder = MODELS.build(
        dict(
            type='ImageEncoder',
            backbone=dict(
                type='mmpretrain.TIMMBackbone',
                model_name='tf_efficientnet_lite0',
                features_only=True,
                out_indices=(3, 4),
            ),
            out_levels=(0, 1),
            embed_dims=8,
            frozen=True,
            backbone_checkpoint=str(tmp_path / 'converted.safetensors'),
        )
    ).eval()
    encoder.init_weights()
    inputs = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        expected = whole.forward_intermediates(inputs, indices=[3, 4], intermediates_only=True)
    for level, other in zip(encoder.extract(inputs), expected, strict=True):
        torch.testing.assert_close(level, other)


def test_other_architectures_are_refused(tool, whole):
    state = dict(whole.state_dict())
    with pytest.raises(ValueError, match='295 tensors'):
        tool.convert(dict(list(state.items())[1:]), state)
    with pytest.raises(ValueError, match='does not pair with'):
        tool.convert(dict(reversed(state.items())), state)
