"""Images are normalised as the tower's own folder says."""

import json

import pytest
import torch
import transformers
from support.pair_models import VISION
from support.toy import build_toy_slan

from slan_mm.models.tower_preprocessor import tower_preprocessing
from slan_mm.registry import MODELS

MEAN, STD = (0.5, 0.25, 0.75), (0.2, 0.25, 0.5)


@pytest.fixture
def told(monkeypatch):
    """The messages so far."""
    messages = []
    monkeypatch.setattr('slan_mm.models.tower_preprocessor.print_log', lambda text, **_: messages.append(text))
    return messages


def save_processor(folder, kind='CLIPImageProcessor', **settings):
    getattr(transformers, kind)(image_mean=MEAN, image_std=STD, **settings).save_pretrained(folder)


def build(**settings):
    return MODELS.build(dict(type='TowerDataPreprocessor', **settings))


@pytest.mark.parametrize(
    ('kind', 'settings', 'size'),
    [
        ('CLIPImageProcessor', dict(size=dict(shortest_edge=40), crop_size=dict(height=32, width=24)), (32, 24)),
        ('CLIPImageProcessor', dict(size=dict(shortest_edge=40), do_center_crop=False), (40, 40)),
        ('SiglipImageProcessor', dict(size=dict(height=32, width=32)), (32, 32)),
        ('BitImageProcessor', dict(size=dict(shortest_edge=36), crop_size=dict(height=28, width=28)), (28, 28)),
    ],
)
def test_pixels_are_what_the_towers_own_processor_makes_of_them(kind, settings, size, tmp_path):
    save_processor(tmp_path, kind, **settings)
    preprocessor = build(pretrained=str(tmp_path))
    assert preprocessor.size == tower_preprocessing(str(tmp_path)).size == size
    image = torch.randint(0, 256, (3, *size), dtype=torch.uint8)
    processor = getattr(transformers, kind).from_pretrained(tmp_path)
    expected = processor(image, do_resize=False, do_center_crop=False, return_tensors='pt')['pixel_values']
    found = preprocessor(dict(inputs=[image]), False)['inputs']
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)


def test_an_image_of_another_size_is_told_once(tmp_path, told):
    save_processor(tmp_path, crop_size=dict(height=32, width=32))
    preprocessor = build(pretrained=str(tmp_path))
    for size, count in ((32, 0), (48, 1), (40, 1)):
        preprocessor(dict(inputs=[torch.zeros(3, size, size, dtype=torch.uint8)]), False)
        assert len(told) == count
    assert 'Images are 48 x 48 pixels, the image encoder was trained with 32 x 32' in told[0]


def test_a_number_that_is_given_wins_and_is_told(tmp_path, told):
    save_processor(tmp_path)
    preprocessor = build(pretrained=str(tmp_path), mean=(1, 2, 3))
    assert preprocessor.mean.flatten().tolist() == [1, 2, 3]
    torch.testing.assert_close(preprocessor.std.flatten(), torch.tensor(STD) * 255)
    (message,) = told
    assert 'model.data_preprocessor.mean is [1' in message and 'had [127.5, 63.75, 191.25]. The given one' in message
    build(pretrained=str(tmp_path), mean=(127.4, 63.75, 191))
    assert len(told) == 1


def test_a_model_that_normalises_otherwise_than_its_tower_tells(tmp_path, told):
    transformers.CLIPVisionModel(transformers.CLIPVisionConfig(**VISION)).save_pretrained(tmp_path)
    encoder = dict(type='ImageEncoder', backbone=dict(type='TransformersBackbone', model=str(tmp_path)))
    build_toy_slan(image__encoder=encoder)
    assert not told
    save_processor(tmp_path)
    build_toy_slan(image__encoder=encoder)
    assert len(told) == 2 and 'model.data_preprocessor.mean is [127.5, 127.5, 127.5]' in told[0]
    assert f"type='TowerDataPreprocessor', pretrained='{tmp_path}'" in told[1]
    own = dict(type='TowerDataPreprocessor', pretrained=str(tmp_path))
    model = build_toy_slan(image__encoder=encoder, data_preprocessor=own)
    assert len(told) == 2
    assert model.data_preprocessor.mean.flatten().tolist() == [127.5, 63.75, 191.25]


def test_a_checkpoint_brings_the_numbers(tmp_path):
    save_processor(tmp_path)
    preprocessor, other = build(pretrained=str(tmp_path)), build()
    batch = dict(inputs=[torch.zeros(3, 8, 8, dtype=torch.uint8)])
    with pytest.raises(ValueError, match='neither mean nor std: load a checkpoint'):
        other(batch, False)
    other.load_state_dict(preprocessor.state_dict())
    assert torch.equal(other(batch, False)['inputs'], preprocessor(batch, False)['inputs'])


def test_a_folder_without_numbers_is_named(tmp_path):
    with pytest.raises(OSError, match=r'has no preprocessor_config\.json'):
        build(pretrained=str(tmp_path))
    file = tmp_path / 'preprocessor_config.json'
    file.write_text(json.dumps(dict(image_mean=[0.5])))
    with pytest.raises(ValueError, match='has no image_mean and image_std of three numbers'):
        build(pretrained=str(tmp_path))
    file.write_text('{')
    with pytest.raises(OSError, match='Cannot load the preprocessing of the image encoder'):
        build(pretrained=str(tmp_path))


def test_of_a_model_of_timm_they_are_those_of_its_weights(told):
    # CLIP's, and DINOv3's, which are ImageNet's; timm keeps both with the names.
    clip = build(timm_model='vit_base_patch16_clip_224.openai')
    torch.testing.assert_close(clip.mean.flatten(), torch.tensor([122.7709, 116.746, 104.0937]))
    torch.testing.assert_close(clip.std.flatten(), torch.tensor([68.5005, 66.6322, 70.3232]))
    dino = build(timm_model='vit_small_patch16_dinov3', mean=(0, 0, 0))
    assert (clip.size, dino.size) == ((224, 224), (256, 256))
    torch.testing.assert_close(dino.std.flatten(), torch.tensor([58.395, 57.12, 57.375]))
    assert dino.mean.flatten().tolist() == [0, 0, 0] and len(told) == 1
    assert "type='TowerDataPreprocessor', timm_model='vit_small_patch16_dinov3'" in told[0]
    with pytest.raises(ValueError, match="timm has no weights of a model 'nothing'"):
        build(timm_model='nothing')
    with pytest.raises(ValueError, match='give pretrained or timm_model, not both'):
        build(timm_model='vit_small_patch16_dinov3', pretrained='nowhere')
