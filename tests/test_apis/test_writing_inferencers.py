"""Captions and answers for a user's pictures, by models that have learned nothing."""

import json
import math

import pytest
import torch
from mmengine.config import Config
from support.toy import SIZE, toy_config

from slan_mm.apis import CaptioningInferencer, VQAInferencer
from slan_mm.registry import MODELS

BERT = dict(
    hidden_size=20, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32, max_position_embeddings=32
)


@pytest.fixture
def build(tmp_path):
    def run(inferencer, **model):
        config = toy_config()
        del config['objective']
        config |= dict(decoder=dict(model=BERT, max_words=12)) | model
        torch.manual_seed(0)
        torch.save({'state_dict': MODELS.build(config).state_dict()}, tmp_path / 'toy.pth')
        cfg = Config(dict(model=config, image_size=SIZE, default_scope='slan_mm'))
        return inferencer(cfg, tmp_path / 'toy.pth', 'cpu', show_progress=False)

    return run


def same(one, other):
    assert {**one, 'score': None} == {**other, 'score': None}
    assert one['score'] == pytest.approx(other['score'], abs=1e-4)


def test_captions(build, photos, tmp_path):
    inferencer = build(CaptioningInferencer, type='SLANCaptioner', prompt='a red')
    result = inferencer(photos, batch_size=3, pred_out_dir=tmp_path, img_out_dir=tmp_path)
    predictions = result['predictions']
    assert [prediction['image'] for prediction in predictions] == [str(photos / f'{n}.png') for n in range(3)]
    for name, prediction in zip('012', predictions, strict=True):
        assert isinstance(prediction['caption'], str)
        assert prediction['score'] is None or prediction['score'] <= 0
        same(inferencer(photos / f'{name}.png')['predictions'][0], prediction)
    assert json.loads((tmp_path / 'predictions.json').read_text()) == predictions
    assert len(result['visualization']) == 3
    assert inferencer.describe(dict(image='a.jpg', caption='a dog', score=-1.0)) == 'a.jpg: a dog'


def test_answers(build, photos):
    inferencer = build(VQAInferencer, type='SLANAnswerer', inference='rank', answer_list=['red', 'blue', 'circle'])
    questions = ['what shape is red', 'what color is the small circle', 'how many shapes']
    predictions = inferencer(photos, questions, batch_size=3)['predictions']
    assert [prediction['question'] for prediction in predictions] == questions
    for name, question, prediction in zip('012', questions, predictions, strict=True):
        assert prediction['answer'] in ('red', 'blue', 'circle') and -math.inf < prediction['score'] <= 0
        same(inferencer(photos / f'{name}.png', question)['predictions'][0], prediction)
    with pytest.raises(ValueError, match='must not be empty'):
        inferencer(photos, ' ')
    with pytest.raises(ValueError, match='2 questions for 3 pictures'):
        inferencer(photos, questions[:2])


def test_a_model_of_another_task_is_refused(build):
    with pytest.raises(ValueError, match='vqa: SLANCaptioner has no inference'):
        build(VQAInferencer, type='SLANCaptioner', prompt='a red')
    with pytest.raises(ValueError, match='captioning: SLAN has no decoder, prompt'):
        CaptioningInferencer(
            Config(dict(model=toy_config(), image_size=SIZE, default_scope='slan_mm')), 'toy.pth', 'cpu'
        )
