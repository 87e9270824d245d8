"""Vision towers of transformers as maps: their own patch tokens, at any size, from files as users have them."""

import pytest
import torch
import transformers
from support.feature_store import fill, image_encoder, stored_and_read, write_pictures
from support.pair_models import pixel_inputs
from support.same_answers import assert_same_answers
from support.toy import build_toy_slan, toy_batch, toy_losses

from slan_mm.models.image import ImageEncoder, TransformersBackbone
from slan_mm.models.image.transformers_backbone import ARCHITECTURES
from slan_mm.models.resizing import resized

TINY = dict(hidden_size=16, num_hidden_layers=2, num_attention_heads=2, patch_size=8, image_size=32)
SIZES = {
    'clip_vision_model': TINY | dict(intermediate_size=32),
    'siglip_vision_model': TINY | dict(intermediate_size=32),
    'siglip2_vision_model': TINY | dict(intermediate_size=32, num_patches=16),
    'dinov2': TINY,
    'dinov2_with_registers': TINY | dict(num_register_tokens=3),
}
#: Tokens before the patches.
BEFORE = {
    'clip_vision_model': 1,
    'siglip_vision_model': 0,
    'siglip2_vision_model': 0,
    'dinov2': 1,
    'dinov2_with_registers': 4,
}
every = pytest.mark.parametrize('architecture', ARCHITECTURES)


def build(architecture, **options):
    torch.manual_seed(0)
    return TransformersBackbone(dict(model_type=architecture, **SIZES[architecture]), **options).eval()


@every
@torch.no_grad()
def test_maps_are_the_towers_own_patches(architecture):
    backbone = build(architecture, out_layers=(0, 1, -1))
    image = torch.randn(2, 3, 32, 32)
    maps = backbone(image)
    output = backbone.model(**pixel_inputs(architecture, image), output_hidden_states=True)
    last = output.last_hidden_state
    if architecture == 'clip_vision_model':
        last = backbone.model.vision_model.post_layernorm(last)
    for found, states in zip(maps, (output.hidden_states[0], output.hidden_states[1], last), strict=True):
        patches = states[:, BEFORE[architecture] :]
        assert found.shape == (2, 16, 4, 4) and patches.shape[1] == 16
        torch.testing.assert_close(found.flatten(2).transpose(1, 2), patches, atol=1e-5, rtol=1e-4)
        # Row by row from the top.
        torch.testing.assert_close(found[:, :, 1, 2], patches[:, 6], atol=1e-5, rtol=1e-4)


@every
@torch.no_grad()
def test_images_of_any_size_are_read_as_whole_patches(architecture):
    backbone = build(architecture)
    image = torch.randn(1, 3, 43, 59)
    [found] = backbone(image)
    assert found.shape == (1, 16, 5, 7)
    torch.testing.assert_close(found, backbone(resized(image, (40, 56)))[0])
    assert backbone(torch.randn(1, 3, 44, 60))[0].shape[2:] == (6, 8)
    with pytest.raises(ValueError, match='7 x 40 is smaller than a patch of 8'):
        backbone(torch.randn(1, 3, 7, 40))


@every
def test_a_tower_is_loaded_and_a_slan_learns_with_it(architecture, tmp_path):
    backbone = build(architecture)
    backbone.model.save_pretrained(tmp_path)
    encoder = dict(type='ImageEncoder', backbone=dict(type='TransformersBackbone', model=str(tmp_path)))
    model = build_toy_slan(image__encoder=encoder)
    model.init_weights()
    loaded = model.image_branch.encoder.backbone.model.state_dict()
    assert all(torch.equal(loaded[name], value) for name, value in backbone.model.state_dict().items())
    loss, _ = model.parse_losses(toy_losses(model, toy_batch()))
    loss.backward()
    assert loss.isfinite()
    assert [name for name, value in model.named_parameters() if value.requires_grad and value.grad is None] == []


@every
def test_layers_that_are_not_read_do_not_learn(architecture):
    model = dict(model_type=architecture, **SIZES[architecture])
    encoder = ImageEncoder(dict(type='TransformersBackbone', model=model, out_layers=[1]), embed_dims=8)
    encoder(torch.randn(1, 3, 32, 32)).sum().backward()
    assert [name for name, value in encoder.named_parameters() if value.requires_grad and value.grad is None] == []
    assert not all(value.requires_grad for value in encoder.parameters())


@pytest.mark.parametrize('pair', ['CLIP', 'Siglip', 'Siglip2'])
@torch.no_grad()
def test_the_vision_tower_of_a_pair_is_read_from_the_pairs_files(pair, tmp_path):
    text = dict(hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32, vocab_size=50)
    vision = SIZES[f'{pair.lower()}_vision_model']
    config = getattr(transformers, f'{pair}Config')(text_config=text, vision_config=vision, projection_dim=16)
    model = getattr(transformers, f'{pair}Model')(config).eval()
    model.save_pretrained(tmp_path)
    backbone = TransformersBackbone(str(tmp_path)).eval()
    image = torch.randn(1, 3, 32, 32)
    patches = model.vision_model(*pixel_inputs(pair.lower(), image).values()).last_hidden_state
    if pair == 'CLIP':
        patches = model.vision_model.post_layernorm(patches)[:, 1:]
    torch.testing.assert_close(backbone(image)[0].flatten(2).transpose(1, 2), patches, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize('architecture', ['clip_vision_model', 'siglip_vision_model', 'siglip2_vision_model'])
@torch.no_grad()
def test_on_the_value_path_a_patch_sees_itself_alone_in_the_last_layer(architecture):
    backbone = build(architecture, out_layers=(1, -1), value_path=True)
    usual = build(architecture, out_layers=(1, -1))
    usual.load_state_dict(backbone.state_dict())
    image = torch.randn(1, 3, 32, 32)
    before, found = backbone(image)
    tower = backbone.model.vision_model
    layer = tower.encoder.layers[-1]
    tokens = before.flatten(2).transpose(1, 2)
    attended = layer.self_attn
    tokens = tokens + attended.out_proj(attended.v_proj(layer.layer_norm1(tokens)))
    tokens = tower.post_layernorm(tokens + layer.mlp(layer.layer_norm2(tokens)))
    torch.testing.assert_close(found.flatten(2).transpose(1, 2), tokens, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(before, usual(image)[0])
    assert not torch.allclose(found, usual(image)[1], atol=1e-3)


def test_what_cannot_be_read_is_named(tmp_path):
    with pytest.raises(ValueError, match="of type 'nothing'; TransformersBackbone reads clip_vision"):
        TransformersBackbone(dict(hidden_size=16))
    with pytest.raises(OSError, match='Cannot load the image encoder .*on this machine only'):
        TransformersBackbone(str(tmp_path / 'none'))
    with pytest.raises(ValueError, match=r'out_layers \[3\]: Dinov2Model has 2 layers'):
        build('dinov2', out_layers=[3])
    with pytest.raises(ValueError, match='value_path is for the towers of clip, siglip, siglip2, not for Dinov2Model'):
        build('dinov2', value_path=True)


#: Plain vision transformers of timm, made small.
TIMM = {
    'CLIP': ('vit_base_patch16_clip_224', 16),
    'SigLIP 2': ('vit_base_patch16_siglip_224', 16),
    'Perception Encoder': ('vit_pe_core_base_patch16_224', 16),
    'DINOv2': ('vit_small_patch14_dinov2', 14),
    'DINOv2 with registers': ('vit_small_patch14_reg4_dinov2', 14),
    'DINOv3': ('vit_small_patch16_dinov3', 16),
    'EVA-02': ('eva02_tiny_patch14_224', 14),
    'MAE': ('vit_base_patch16_224', 16),
}


@pytest.mark.parametrize('name', TIMM)
def test_plain_vision_transformers_of_timm_give_maps_of_any_size(name):
    model, patch = TIMM[name]
    backbone = dict(type='mmpretrain.TIMMBackbone', model_name=model, features_only=True, out_indices=(0, 1))
    small = dict(depth=2, embed_dim=32, num_heads=2, dynamic_img_size=True)
    encoder = ImageEncoder(backbone=backbone | small, embed_dims=8, out_levels=(0, 1), in_channels=32)
    levels = encoder.extract(torch.randn(1, 3, 5 * patch, 7 * patch))
    assert [tuple(level.shape) for level in levels] == [(1, 32, 5, 7)] * 2
    # The last pixels count, too.
    larger = torch.randn(1, 3, 5 * patch + 3, 7 * patch + 3)
    seen = encoder.extract(larger)[1]
    assert seen.shape == (1, 32, 5, 7) and not torch.equal(seen, encoder.extract(larger[..., : 7 * patch])[1])
    assert encoder.project(levels).shape == (1, 8, 5, 7)


def timm_backbone(name):
    model, _ = TIMM[name]
    small = dict(depth=2, embed_dim=32, num_heads=2, patch_size=8, img_size=32, dynamic_img_size=True)
    return dict(type='mmpretrain.TIMMBackbone', model_name=model, features_only=True, out_indices=(-1,), **small)


TOWERS = {
    **{name: dict(type='TransformersBackbone', model=dict(model_type=name, **SIZES[name])) for name in ARCHITECTURES},
    **{f'timm {name}': timm_backbone(name) for name in TIMM},
    'mmpretrain ViT': dict(
        type='mmpretrain.VisionTransformer',
        arch=dict(embed_dims=16, num_layers=2, num_heads=2, feedforward_channels=32),
        img_size=32,
        patch_size=8,
        out_type='featmap',
    ),
}


@pytest.mark.parametrize('tower', TOWERS)
def test_a_slan_around_a_tower_learns_retrieves_and_grounds_alike_when_loaded(tower, tmp_path):
    encoder = dict(type='ImageEncoder', backbone=TOWERS[tower], frozen=True)
    model, other = (build_toy_slan(seed, image__encoder=encoder).eval() for seed in (0, 1))
    before = {name: value.clone() for name, value in model.named_parameters()}
    learning = [value for value in model.parameters() if value.requires_grad]
    loss, _ = model.parse_losses(toy_losses(model.train(), toy_batch()))
    loss.backward()
    torch.optim.SGD(learning, lr=0.1).step()
    changed = {name for name, value in model.named_parameters() if not torch.equal(value, before[name])}
    assert changed and not any(name.startswith('image_branch.encoder.backbone.') for name in changed)
    model.eval()
    torch.save(model.state_dict(), tmp_path / 'model.pth')
    other.load_state_dict(torch.load(tmp_path / 'model.pth', weights_only=True))
    assert_same_answers(model, other)


@pytest.mark.parametrize('tower', TOWERS)
@torch.no_grad()
def test_a_store_gives_the_maps_of_a_tower_back(tower, tmp_path):
    options = dict(backbone=TOWERS[tower], in_channels=None, out_levels=-1)
    encoder = image_encoder(**options)
    write_pictures(tmp_path)
    fill(tmp_path, tmp_path / 'store', images=encoder)
    found, expected = map(encoder.extract, stored_and_read(tmp_path, tmp_path / 'store'))
    for mine, own in zip(found, expected, strict=True):
        torch.testing.assert_close(mine, own, atol=1e-2, rtol=1e-2)
