"""Sizes that must agree: found, or named when the model is built."""

import re
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from support.toy import build_toy_slan, toy_config

from slan_mm.registry import MODELS

ROOT = Path(__file__).parents[2]
OWN_DATA = ROOT / 'configs/pretrain/slan_own_data_pretrained.py'
#: A BERT of random weights in the place of one from a file.
TEXT = dict(
    _delete_=True,
    type='TextEncoder',
    tokenizer=dict(type='ShapesTokenizer'),
    model=dict(hidden_size=20, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32),
    frozen=True,
)
RESNET = dict(_delete_=True, type='mmdet.ResNet', depth=18, base_channels=8, out_indices=(0, 1, 2, 3))
TIMM = dict(_delete_=True, type='mmpretrain.TIMMBackbone', model_name='resnet10t', features_only=True, pretrained=False)
VIT = dict(
    _delete_=True,
    type='mmpretrain.VisionTransformer',
    arch=dict(embed_dims=32, num_layers=2, num_heads=2, feedforward_channels=64),
    img_size=64,
    out_type='featmap',
    out_indices=(0, 1),
)


def build(tmp_path, body):
    """The model of a config file that inherits the one for own data, without weights from files."""
    path = tmp_path / 'config.py'
    path.write_text(body.replace("'./slan_own_data_pretrained.py'", f"'{OWN_DATA}'"))
    cfg = Config.fromfile(path)
    cfg.merge_from_dict(
        dict(model=dict(text=dict(encoder=dict(TEXT)), image=dict(encoder=dict(backbone_checkpoint=None))))
    )
    init_default_scope(cfg.default_scope)
    return MODELS.build(cfg.model)


def embed(model, size=64):
    with torch.no_grad():
        return model.eval().encode_image(torch.zeros(1, 3, size, size)).embedding


def test_the_documented_picture_encoder_builds(tmp_path):
    """The config of docs/own_data.md, as it stands there."""
    page = (ROOT / 'docs/own_data.md').read_text()
    (body,) = [block for block in re.findall(r'```python\n(.*?)```', page, flags=re.S) if 'mmdet.ResNet' in block]
    model = build(tmp_path, body)
    assert model.image_branch.encoder.in_channels == [1024, 2048]
    assert embed(model).isfinite().all()


@pytest.mark.parametrize(
    ('backbone', 'levels', 'channels'),
    [(RESNET, (1, 3), [16, 64]), (TIMM, (3, 4), [256, 512]), (VIT, (0, 1), [32, 32])],
    ids=['mmdet', 'timm', 'vit'],
)
def test_another_backbone_is_one_setting(tmp_path, backbone, levels, channels):
    settings = dict(image=dict(encoder=dict(backbone=backbone, out_levels=levels)))
    model = build(tmp_path, f"_base_ = './slan_own_data_pretrained.py'\nmodel = {settings!r}\n")
    assert model.image_branch.encoder.in_channels == channels
    assert model.image_branch.embedding.norm.normalized_shape == (channels[1],)
    assert embed(model).isfinite().all()


def test_widths_need_no_second_setting():
    config = toy_config(embed_dims=24, image__decoder=dict(type='EncoderPyramid'))
    model = build_toy_slan(config=config)
    assert {lateral.conv.in_channels for lateral in model.image_branch.decoder.laterals} == {8, 16}
    assert model.locator.adaptors[0].attention.region_key.in_features == 24


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        (dict(image__encoder__in_channels=(8, 5)), r'in_channels is \[8, 5\], but .* have \[8, 16\] channels'),
        (dict(image__embedding=dict(type='AttentionPooling', level=2)), 'level is 2, the image encoder has 2 levels'),
        (
            dict(image__decoder=dict(type='EncoderPyramid', in_channels=(8, 4))),
            r'image\.decoder\.in_channels is \(8, 4\), the rest of the model makes it \[8, 16\]',
        ),
        (dict(image__decoder__norm_cfg=dict(type='GN', num_groups=3)), r'image\.decoder\.norm_cfg\.num_groups is 3'),
        (dict(image__encoder__norm_cfg=dict(type='GN', num_groups=5)), r'image\.encoder\.norm_cfg\.num_groups is 5'),
        (dict(image__detector__num_heads=3), r'image\.detector\.num_heads is 3.* width 16: .*\[1, 2, 4, 8, 16\]'),
        (dict(image__detector__width=6), r'image\.detector\.width is 6'),
        (dict(image__detector__embed_dims=8), r'image\.detector\.embed_dims is 8, .* makes it 16'),
        (dict(text__encoder__embed_dims=8), r'text\.encoder\.embed_dims is 8'),
        (dict(locator__embed_dims=8), r'locator\.embed_dims is 8'),
        (dict(objective__itc=dict(embed_dims=3)), r'objective\.itc\.embed_dims is 3, .* makes it 12'),
        (dict(image__decoder__scales=(1,)), r'adaptors\[1\]\.feature_level is 2, .* levels 1 to 1'),
    ],
)
def test_sizes_that_do_not_fit_are_named(changes, message):
    with pytest.raises(ValueError, match=message):
        embed(build_toy_slan(**changes), 32)


def test_heads_of_an_adaptor_are_named():
    config = toy_config()
    config['locator']['adaptors'][0]['attention'] = dict(type='BidirectionalAttention', num_heads=3)
    with pytest.raises(ValueError, match='BidirectionalAttention.num_heads is 3'):
        build_toy_slan(config=config)
    config['locator']['adaptors'][0]['attention'] = dict(type='BidirectionalAttention', num_heads=2, embed_dims=8)
    with pytest.raises(ValueError, match=r'attention\.embed_dims is 8, .* makes it 16'):
        build_toy_slan(config=config)
