import pytest
import torch
from safetensors.torch import save_file

from slan_mm.models.image import ImageEncoder
from slan_mm.models.image.backbone_weights import load_backbone, read_state_dict
from slan_mm.registry import MODELS

RESNET = {'type': 'mmdet.ResNet', 'depth': 18, 'base_channels': 8}
TIMM = {'type': 'mmpretrain.TIMMBackbone', 'model_name': 'test_convnext', 'features_only': True, 'out_indices': (1, 2)}


@pytest.fixture
def weights():
    torch.manual_seed(1)
    return MODELS.build(RESNET).state_dict()


@pytest.mark.parametrize('prefix', ['', 'backbone.', 'module.backbone.'])
@pytest.mark.parametrize('suffix', ['.pth', '.safetensors'])
def test_weights_are_read_through_usual_prefixes(tmp_path, weights, prefix, suffix):
    path = tmp_path / f'weights{suffix}'
    state = {prefix + name: value for name, value in weights.items()} | {'head.fc.weight': torch.zeros(2, 2)}
    save_file(state, path) if suffix == '.safetensors' else torch.save({'state_dict': state}, path)
    encoder = ImageEncoder(RESNET, in_channels=64, embed_dims=4, backbone_checkpoint=str(path))
    encoder.init_weights()
    assert all(torch.equal(value, weights[name]) for name, value in encoder.backbone.state_dict().items())
    missing, unexpected = load_backbone(encoder.backbone, path)
    assert missing == [] and unexpected == ['head.fc.weight']


def test_names_that_timm_flattens_are_matched(tmp_path):
    import timm

    torch.manual_seed(2)
    whole = timm.create_model('test_convnext', pretrained=False).eval()
    torch.save(whole.state_dict(), tmp_path / 'w.pth')
    backbone = MODELS.build(TIMM)
    missing, _ = load_backbone(backbone, tmp_path / 'w.pth')
    assert missing == []
    backbone.eval()
    inputs = torch.randn(1, 3, 64, 64)
    expected = whole.forward_intermediates(inputs, indices=[1, 2], intermediates_only=True)
    for level, other in zip(backbone(inputs), expected, strict=True):
        torch.testing.assert_close(level, other)


def test_missing_names_are_told(tmp_path, weights):
    del weights['conv1.weight']
    torch.save(weights, tmp_path / 'w.pth')
    assert load_backbone(MODELS.build(RESNET), tmp_path / 'w.pth')[0] == ['conv1.weight']
    settings = dict(in_channels=64, embed_dims=4, backbone_checkpoint=str(tmp_path / 'w.pth'))
    ImageEncoder(RESNET, **settings).init_weights()
    with pytest.raises(ValueError, match='lacks 1 tensors of the frozen backbone'):
        ImageEncoder(RESNET, frozen=True, **settings).init_weights()


def test_unusable_files_are_refused(tmp_path, weights):
    with pytest.raises(FileNotFoundError, match='No weights at'):
        read_state_dict(tmp_path / 'absent.pth')
    torch.save({'something': torch.zeros(3)}, tmp_path / 'other.pth')
    with pytest.raises(ValueError, match='No name in .*other.pth fits the backbone ResNet'):
        load_backbone(MODELS.build(RESNET), tmp_path / 'other.pth')
    torch.save([1, 2], tmp_path / 'list.pth')
    with pytest.raises(ValueError, match='does not hold a state dict'):
        read_state_dict(tmp_path / 'list.pth')
    torch.save({**weights, 'conv1.weight': torch.zeros(1)}, tmp_path / 'shape.pth')
    with pytest.raises(ValueError, match=r'conv1\.weight'):
        load_backbone(MODELS.build(RESNET), tmp_path / 'shape.pth')


def test_a_pickle_with_code_is_not_run(tmp_path):
    class Evil:
        def __reduce__(self):
            return (open, (str(tmp_path / 'written'), 'w'))

    torch.save({'a': Evil()}, tmp_path / 'evil.pth')
    with pytest.raises(Exception, match='weights_only'):
        read_state_dict(tmp_path / 'evil.pth')
    assert not (tmp_path / 'written').exists()
