"""A trained model at hand. The model is a toy: what is tested is the way from a file and a text to boxes."""

import numpy as np
import pytest
import torch
from mmengine.config import Config
from PIL import Image
from toy import SIZE, toy_config

from slan_mm.apis import RegionInferencer
from slan_mm.apis.region_inferencer import picture_size
from slan_mm.registry import MODELS


@pytest.fixture(scope='module')
def checkpoint(tmp_path_factory):
    path = tmp_path_factory.mktemp('weights') / 'toy.pth'
    torch.manual_seed(0)
    torch.save({'state_dict': MODELS.build(toy_config()).state_dict()}, path)
    return path


@pytest.fixture
def photo(tmp_path):
    path = tmp_path / 'photo.png'
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (30, 90, 3), dtype=np.uint8)).save(path)
    return path


def config(**model):
    return Config(dict(model=toy_config(**model), image_size=SIZE, default_scope='slan_mm'))


def test_boxes_are_in_pixels_of_the_picture(checkpoint, photo):
    sample = RegionInferencer(config(), checkpoint, 'cpu')(photo, 'a [red circle] above a [square]')
    assert sample.text == 'a red circle above a square' and sample.ori_shape == (30, 90)
    assert len(sample.pred_phrases) == 2
    boxes = torch.cat([levels[-1]['boxes'] for levels in sample.pred_phrases])
    assert (boxes >= 0).all() and (boxes[:, [0, 2]] <= 90).all() and (boxes[:, [1, 3]] <= 30).all()
    assert (boxes[:, 2] > 30).any(), 'x is not squeezed into the height'


def test_a_pair_does_not_depend_on_the_others_of_its_batch(checkpoint, photo):
    inferencer = RegionInferencer(config(), checkpoint, 'cpu')
    texts = ['a [red circle]', 'a [small blue square] next to a [green star] and a [pink cross]']
    together = inferencer.batch([(photo, text) for text in texts])
    for sample, text in zip(together, texts, strict=True):
        alone = inferencer(photo, text)
        for one, other in zip(sample.pred_phrases, alone.pred_phrases, strict=True):
            assert torch.allclose(one[-1]['boxes'], other[-1]['boxes'], atol=1e-3)


def test_stored_features_are_not_asked_for(checkpoint, photo):
    cfg = config(text__encoder__feature_store='no/such/store', text__encoder__frozen=True)
    assert len(RegionInferencer(cfg, checkpoint, 'cpu')(photo, 'a [circle]').pred_phrases) == 1


def test_weights_of_another_model_are_refused(checkpoint):
    with pytest.raises(RuntimeError, match='itc_projection'):
        RegionInferencer(config(itc_dims=5), checkpoint, 'cpu')


def test_a_checkpoint_is_needed():
    with pytest.raises(ValueError, match='no load_from'):
        RegionInferencer(config())


def test_the_size_of_pictures_is_found():
    resize = [dict(type='LoadImage'), dict(type='ResizeImage', size=[20, 30]), dict(type='PackPairs')]
    nested = [dict(type='LoadCachedFeatures', store='s', transforms=resize)]
    assert picture_size(Config(dict(test_dataloader=dict(a=dict(dataset=dict(pipeline=nested)))))) == (20, 30)
    assert picture_size(Config(dict(train_dataloader=dict(dataset=dict(pipeline=resize)), image_size=7))) == (20, 30)
    assert picture_size(Config(dict(image_size=7))) == (7, 7)
    with pytest.raises(ValueError, match='size of pictures'):
        picture_size(Config(dict()))
