"""A backbone that stays as its file has it."""

import pytest
import torch
from support.toy import ToyBackbone

from slan_mm.models.image import FrozenBackbone


def test_weights_of_a_file_stay(tmp_path):
    torch.manual_seed(0)
    source = ToyBackbone()
    torch.save(source.state_dict(), tmp_path / 'toy.pth')
    model = FrozenBackbone(dict(type='ToyBackbone'), str(tmp_path / 'toy.pth'))
    model.init_weights()
    pictures = torch.randn(2, 3, 32, 32)
    levels = model.train()(pictures)
    assert [level.shape[1] for level in levels] == [8, 16] and not any(level.requires_grad for level in levels)
    torch.testing.assert_close(levels, source(pictures))
    assert model.training and not model.backbone.training and not any(p.requires_grad for p in model.parameters())


def test_a_file_that_lacks_weights_is_refused(tmp_path):
    weights = {name: value for name, value in ToyBackbone().state_dict().items() if name.startswith('fine')}
    torch.save(weights, tmp_path / 'half.pth')
    with pytest.raises(ValueError, match='half.pth lacks 4 tensors of the backbone'):
        FrozenBackbone(dict(type='ToyBackbone'), str(tmp_path / 'half.pth')).init_weights()
