"""Sentences about two pictures of a user's, by a model that has learned nothing."""

import pytest
import torch
from mmengine.config import Config
from support.tasks import build_toy_nlvr, toy_config
from support.toy import SIZE

from slan_mm.apis import NLVR2Inferencer

ATTENTION = dict(num_heads=2, feedforward_channels=32)
SENTENCES = ['a red circle', 'two blue squares above a small green star', 'a cross']


@pytest.fixture
def nlvr2(tmp_path):
    torch.save({'state_dict': build_toy_nlvr().state_dict()}, tmp_path / 'toy.pth')
    model = toy_config(type='NLVR', head=dict(attention=ATTENTION))
    cfg = Config(dict(model=model, image_size=SIZE, default_scope='slan_mm'))
    return NLVR2Inferencer(cfg, tmp_path / 'toy.pth', 'cpu', show_progress=False)


def test_pairs_and_pictures_in_a_row_are_the_same(nlvr2, photos, tmp_path):
    zero, one, two = (str(photos / f'{number}.png') for number in range(3))
    pairs = [(zero, one), (one, zero), (two, two)]
    result = nlvr2(pairs, SENTENCES, batch_size=3, img_out_dir=tmp_path / 'pages')
    row = nlvr2([picture for pair in pairs for picture in pair], SENTENCES)
    assert len(result['visualization']) == 3
    for pair, sentence, prediction, other in zip(
        pairs, SENTENCES, result['predictions'], row['predictions'], strict=True
    ):
        assert prediction['images'] == list(pair) and prediction['text'] == sentence
        assert prediction['answer'] == (prediction['score'] > 0.5) and 0 <= prediction['score'] <= 1
        assert prediction['score'] == pytest.approx(other['score'], abs=1e-5)
        (alone,) = nlvr2([pair], sentence)['predictions']
        assert alone['score'] == pytest.approx(prediction['score'], abs=1e-5)


def test_what_is_no_pair_is_told(nlvr2, photos):
    picture = photos / '0.png'
    for pictures in (picture, [picture] * 3, []):
        with pytest.raises(ValueError, match='no pairs'):
            nlvr2(pictures, 'a cross')
    with pytest.raises(ValueError, match='texts must not be empty'):
        nlvr2([picture, picture], '')
