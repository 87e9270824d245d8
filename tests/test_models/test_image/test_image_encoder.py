import math

import pytest
import torch

from slan_mm.models.image import ImageEncoder

RESNET = {
    'backbone': {'type': 'mmdet.ResNet', 'depth': 18, 'base_channels': 8, 'num_stages': 4, 'norm_cfg': {'type': 'BN'}},
    'in_channels': [16, 32],
    'out_levels': [1, 2],
}
VIT = {
    'backbone': {
        'type': 'mmpretrain.VisionTransformer',
        'arch': {'embed_dims': 32, 'num_layers': 2, 'num_heads': 2, 'feedforward_channels': 64},
        'img_size': 64,
        'patch_size': 16,
        'out_type': 'featmap',
    },
    'in_channels': 32,
}
SWIN = {
    'backbone': {
        'type': 'mmdet.SwinTransformer',
        'embed_dims': 8,
        'depths': (1, 1, 1, 1),
        'num_heads': (1, 1, 2, 2),
        'window_size': 4,
        'out_indices': (1, 2),
    },
    'in_channels': [16, 32],
    'out_levels': [0, 1],
}
CONVNEXT = {
    'backbone': {
        'type': 'mmpretrain.ConvNeXt',
        'arch': {'depths': [1, 1, 1, 1], 'channels': [8, 16, 24, 32]},
        'out_indices': (1, 2),
        'gap_before_final_norm': False,
    },
    'in_channels': [16, 24],
    'out_levels': [0, -1],
}
TIMM = {
    'backbone': {
        'type': 'mmpretrain.TIMMBackbone',
        'model_name': 'resnet10t',
        'features_only': True,
        'out_indices': (2, 3),
        'pretrained': False,
    },
    'in_channels': [128, 256],
    'out_levels': [0, 1],
}
BACKBONES = {'resnet': RESNET, 'vit': VIT, 'swin': SWIN, 'convnext': CONVNEXT, 'timm': TIMM}
STRIDES = {'resnet': [8, 16], 'vit': [16], 'swin': [8, 16], 'convnext': [8, 16], 'timm': [8, 16]}


@pytest.mark.parametrize('name', BACKBONES)
@pytest.mark.parametrize('shape', [(64, 64), (96, 64)])
def test_any_backbone_forward_and_backward(name, shape):
    torch.manual_seed(0)
    encoder = ImageEncoder(embed_dims=12, **BACKBONES[name])
    encoder.init_weights()
    levels = encoder.extract(torch.randn(2, 3, *shape))
    sizes = [(shape[0] // stride, shape[1] // stride) for stride in STRIDES[name]]
    assert [tuple(level.shape[-2:]) for level in levels] == sizes
    out = encoder.project(levels)
    assert out.shape == (2, 12, *sizes[0])
    out.square().mean().backward()
    assert sum(float(p.grad.abs().sum()) for p in encoder.backbone.parameters() if p.grad is not None) > 0


def test_one_level_is_the_1x1_projection():
    encoder = ImageEncoder(embed_dims=12, **VIT).eval()
    inputs = torch.randn(2, 3, 64, 64)
    (level,) = encoder.extract(inputs)
    projection = encoder.projections[0]
    expected = torch.einsum('dc,bchw->bdhw', projection.weight[:, :, 0, 0], level) + projection.bias.view(1, -1, 1, 1)
    torch.testing.assert_close(encoder(inputs), expected)
    torch.testing.assert_close(encoder([level]), expected)


def test_levels_are_resized_to_the_chosen_one_and_summed():
    encoder = ImageEncoder(embed_dims=12, **RESNET)
    fine, coarse = torch.randn(1, 16, 8, 8), torch.full((1, 32, 4, 4), 0.5)
    p_fine, p_coarse = encoder.projections
    # A constant coarse level stays constant when resized.
    expected = p_fine(fine) + p_coarse(coarse)[:, :, :1, :1]
    torch.testing.assert_close(encoder.project([fine, coarse]), expected)
    encoder.out_stride_level = 1
    assert encoder.project([fine, coarse]).shape == (1, 12, 4, 4)


def test_norm_follows_each_projection():
    encoder = ImageEncoder(embed_dims=12, norm_cfg={'type': 'GN', 'num_groups': 3}, **VIT)
    out = encoder([torch.randn(2, 32, 4, 4) * 7 + 3])
    grouped = out.reshape(2, 3, -1)
    torch.testing.assert_close(grouped.mean(-1), torch.zeros(2, 3), atol=1e-5, rtol=0)
    torch.testing.assert_close(grouped.var(-1, unbiased=False), torch.ones(2, 3), atol=1e-3, rtol=0)


def test_vit_position_embeddings_are_resized_to_the_input():
    torch.manual_seed(0)
    config = {**VIT, 'backbone': {**VIT['backbone'], 'img_size': 128}}
    encoder = ImageEncoder(embed_dims=12, **config)
    encoder.init_weights()
    encoder.eval()
    vit = encoder.backbone
    # Position embeddings that rise over the columns (channel 0) and rows (channel 1) of an 8 x 8 grid.
    ramp = torch.linspace(-1, 1, 8)
    with torch.no_grad():
        vit.pos_embed.zero_()
        vit.pos_embed[0, 1:, 0] = ramp.repeat(8)
        vit.pos_embed[0, 1:, 1] = ramp.repeat_interleave(8)
    seen = {}
    vit.drop_after_pos.register_forward_hook(lambda _module, _args, out: seen.update(tokens=out))
    for height, width in ((128, 128), (256, 256), (128, 192), (64, 128)):
        pictures = torch.zeros(1, 3, height, width)
        patches = vit.patch_embed(pictures)[0]
        assert torch.isfinite(encoder(pictures)).all()
        position = (seen['tokens'][:, 1:] - patches)[0].reshape(height // 16, width // 16, -1)
        for along, cells in ((position[0, :, 0], width // 16), (position[:, 0, 1], height // 16)):
            assert (along.diff() > 0).all()
            middle = along[cells // 4 : cells - cells // 4]
            torch.testing.assert_close(middle.diff().mean().item(), 2 / 7 * 8 / cells, rtol=0.1, atol=0)
    # The size of training leaves them as they are.
    encoder(torch.zeros(1, 3, 128, 128))
    torch.testing.assert_close(
        seen['tokens'][0, 1:9, 0] - vit.patch_embed(torch.zeros(1, 3, 128, 128))[0][0, :8, 0], ramp
    )


def test_vit_sees_the_same_in_a_larger_picture():
    torch.manual_seed(0)
    encoder = ImageEncoder(embed_dims=12, **{**VIT, 'backbone': {**VIT['backbone'], 'img_size': 128}}).eval()
    encoder.init_weights()
    # A constant picture under position embeddings that are constant has one answer at any size.
    with torch.no_grad():
        encoder.backbone.pos_embed[:, 1:] = 0.3
    small, large = (encoder(torch.full((1, 3, size, size), 0.5)) for size in (128, 192))
    torch.testing.assert_close(large[0, :, :1, :1].expand_as(large[0]), large[0], atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(small.mean((2, 3)), large.mean((2, 3)), atol=0.05, rtol=0.05)


def test_frozen_backbone_keeps_still_and_projection_learns():
    encoder = ImageEncoder(embed_dims=12, frozen=True, **RESNET)
    encoder.train()
    assert encoder.training and not any(module.training for module in encoder.backbone.modules())
    before = {name: value.clone() for name, value in encoder.backbone.state_dict().items()}
    encoder(torch.randn(2, 3, 64, 64)).sum().backward()
    assert all(parameter.grad is None for parameter in encoder.backbone.parameters())
    assert all(projection.weight.grad.abs().sum() > 0 for projection in encoder.projections)
    assert all(torch.equal(value, before[name]) for name, value in encoder.backbone.state_dict().items())


def test_half_precision_levels_of_a_store_are_projected():
    encoder = ImageEncoder(embed_dims=12, frozen=True, **VIT).eval()
    inputs = torch.randn(2, 3, 64, 64)
    stored = [level.half() for level in encoder.extract(inputs)]
    torch.testing.assert_close(encoder(stored), encoder(inputs), atol=1e-2, rtol=1e-2)


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        ({'in_channels': [16, 31]}, r'out_levels \[1, 2\] of ResNet have \[16, 32\] channels'),
        ({'out_levels': [1, 4]}, '4 levels only'),
    ],
)
def test_wrong_levels_are_named(change, message):
    encoder = ImageEncoder(embed_dims=12, **{**RESNET, **change})
    with pytest.raises(ValueError, match=message):
        encoder(torch.randn(1, 3, 64, 64))


def test_wrong_arguments_are_refused_when_built():
    with pytest.raises(ValueError, match='in_channels names 3 levels'):
        ImageEncoder(embed_dims=12, **{**RESNET, 'in_channels': [1, 2, 3]})
    with pytest.raises(ValueError, match='out_stride_level 2'):
        ImageEncoder(embed_dims=12, out_stride_level=2, **RESNET)


def test_tokens_instead_of_a_map_are_refused():
    backbone = {**VIT['backbone'], 'out_type': 'cls_token'}
    encoder = ImageEncoder(embed_dims=12, backbone=backbone, in_channels=32)
    with pytest.raises(ValueError, match="out_type='featmap'"):
        encoder(torch.randn(1, 3, 64, 64))


@pytest.mark.parametrize(('arch', 'width', 'millions'), [('base', 768, 86), ('large', 1024, 303), ('huge', 1280, 631)])
def test_vit_of_the_paper_builds(arch, width, millions):
    with torch.device('meta'):
        encoder = ImageEncoder(
            backbone={
                'type': 'mmpretrain.VisionTransformer',
                'arch': arch,
                'img_size': 224,
                'patch_size': 14 if arch == 'huge' else 16,
                'out_type': 'featmap',
            },
            in_channels=width,
            embed_dims=768,
        )
    count = sum(parameter.numel() for parameter in encoder.backbone.parameters()) / 1e6
    assert math.isclose(count, millions, rel_tol=0.01)


@pytest.mark.parametrize('name', BACKBONES)
def test_channels_are_found_and_nothing_else_changes(name):
    """Neither the backbone's statistics nor the random numbers of what is built after it."""
    settings = BACKBONES[name]
    encoders, random = [], []
    for config in (settings, {key: value for key, value in settings.items() if key != 'in_channels'}):
        torch.manual_seed(0)
        encoders.append(ImageEncoder(embed_dims=12, **config))
        random.append(torch.rand(3))
    given, found = encoders
    assert found.in_channels == given.in_channels
    assert torch.equal(*random)
    assert [m.training for m in found.modules()] == [m.training for m in given.modules()]
    for (key, value), other in zip(found.state_dict().items(), given.state_dict().values(), strict=True):
        assert torch.equal(value, other), key


def test_a_backbone_of_another_picture_size_is_named():
    backbone = {'type': 'mmpretrain.TIMMBackbone', 'model_name': 'vit_tiny_patch16_384', 'features_only': True}
    with pytest.raises(ValueError, match=r'does not take a picture of 224 x 224.* give image\.encoder\.in_channels'):
        ImageEncoder(backbone={**backbone, 'pretrained': False}, embed_dims=12)
    encoder = ImageEncoder(backbone={**backbone, 'pretrained': False, 'img_size': 64}, embed_dims=12)
    assert encoder.in_channels == [192]
