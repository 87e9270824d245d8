"""The page of a test's best, median and worst samples."""

import logging
import re
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmdet.structures import DetDataSample
from mmengine.structures import InstanceData
from mmpretrain.structures import DataSample
from PIL import Image
from test_collect import evaluator_of

from slan_mm.datasets import ShapesPairs
from slan_mm.datasets.shapes.file_backend import shapes_path
from slan_mm.registry import HOOKS
from slan_mm.visualization.sample_cards import sample_card
from slan_mm.visualization.sample_page import Section, best_median_worst, write_sample_page

PICTURE = torch.zeros(3, 8, 8, dtype=torch.uint8)


def test_best_median_and_worst_by_hand():
    scores = [0.1, 0.9, 0.5, 0.3, 0.7, 0.2, 0.8]
    assert best_median_worst(scores, 2) == {'best': [1, 6], 'median': [4, 2], 'worst': [0, 5]}
    assert best_median_worst(scores, 1) == {'best': [1], 'median': [2], 'worst': [0]}
    assert best_median_worst([1.0, 2.0], 8) == {'best': [1, 0]}
    for total in range(3, 40):
        chosen = best_median_worst([0.5] * total, 4)
        places = [place for part in chosen.values() for place in part]
        assert len(set(places)) == len(places) == 3 * min(4, total // 3)


def test_a_page_has_its_sections_in_order_and_says_how_many_samples_there_are(tmp_path):
    sections = [
        Section('none', [], lambda places: ['never']),
        Section('IoU <here>', [0.25, 1.0, 0.5], lambda places: [f'<li>sample {place}</li>' for place in places]),
    ]
    page = write_sample_page(tmp_path / 'samples.html', 'Samples', sections, 1).read_text()
    assert re.findall(r'<h3>(\w+)</h3><ul class="slan-found"><li>sample (\d)</li></ul>', page) == [
        ('Best', '1'),
        ('Median', '2'),
        ('Worst', '0'),
    ]
    assert '3 samples: mean 0.58, median 0.50, best 1.00, worst 0.25.' in page
    assert 'IoU &lt;here&gt;' in page and 'never' not in page and '>none<' not in page


def sample_of(name, **fields):
    sample = DataSample(metainfo=dict(sample_id=name, img_path='nowhere.png', ori_shape=(40, 80)))
    for key, value in fields.items():
        sample.set_field(value, key)
    return sample


def grounded(name, box, gold=((0.0, 0, 8, 8),)):
    phrases = [dict(spans=[[2, 12]], boxes=torch.tensor(gold).reshape(-1, 4), phrase_id='0')]
    levels = [dict(boxes=torch.tensor([box]), scores=torch.tensor([0.9]))]
    return sample_of(name, text='a red circle', phrases=phrases, pred_phrases=[levels])


def test_cards_of_every_task():
    card = sample_card(grounded('g', [0.0, 0, 8, 4]), PICTURE)
    assert (card.metric, card.name, card.score, card.shape) == ('IoU', 'g', 0.5, (40, 80))
    assert [box.label for box in card.boxes] == ['red circle: IoU 0.50', 'gold of red circle'] and card.pictures
    assert sample_card(grounded('g', [0.0, 0, 8, 4], gold=()), PICTURE) is None, 'without gold there is no score'

    question = sample_of('q', text='how many?', pred_answer='two')
    assert sample_card(question, PICTURE) is None
    question.set_metainfo(dict(answers=['two'] * 9 + ['three']))
    card = sample_card(question, PICTURE)
    assert card.score == 1.0 and card.lines == ['answer: two', 'annotators: two (9), three (1)']

    pair = sample_of('p', text='they differ').set_gt_label(0).set_pred_label(1)
    pair.set_pred_score(torch.tensor([0.25, 0.75]))
    card = sample_card(pair, torch.stack([PICTURE, PICTURE]))
    assert card.score == 0.25 and card.told.startswith('wrong') and len(card.pictures) == 2

    card = sample_card(sample_of('c', text=['a dog', 'a pup'], pred_caption='a dog'), PICTURE)
    assert card.references == ['a dog', 'a pup'] and card.text == 'a dog'
    assert sample_card(sample_of('c', pred_caption='a dog'), PICTURE) is None
    assert sample_card(sample_of('x', text='a dog'), PICTURE) is None, 'no answer'


def detected():
    path = shapes_path('test', 0, 32, 0)
    sample = DetDataSample(metainfo=dict(img_id=7, img_path=path, ori_shape=(32, 32), text=('dog', 'cat')))
    sample.gt_instances = InstanceData(bboxes=torch.tensor([[0.0, 0, 9, 9]]), labels=torch.tensor([1]))
    sample.pred_instances = InstanceData(
        bboxes=torch.tensor([[0.0, 0, 9, 9], [0, 0, 3, 3]]),
        labels=torch.tensor([1, 0]),
        scores=torch.tensor([0.9, 0.2]),
    )
    return sample


def test_a_detection_names_its_classes():
    card = sample_card(detected())
    assert card.score == 1.0 and card.text.split() == ['cat'] and len(card.boxes) == 2


@pytest.fixture
def runner(tmp_path):
    dataset = ShapesPairs('test', 'retrieval', num_images=6)
    loop = SimpleNamespace(
        task='grounding',
        evaluator={'retrieval': evaluator_of(dataset, 1), 'grounding': object()},
        dataloader={'retrieval': SimpleNamespace(dataset=dataset)},
    )
    return SimpleNamespace(test_loop=loop, logger=logging.getLogger('test'))


def run(hook, runner, samples):
    hook.before_test(runner)
    for number, sample in enumerate(samples):
        hook.after_test_iter(runner, number, {'inputs': [PICTURE]}, [sample])
    hook.after_test_epoch(runner, {})
    return (hook.show_dir / 'samples.html').read_text()


def test_the_hook_sorts_samples_and_queries(runner, tmp_path):
    hook = HOOKS.build(dict(type='SamplePageHook', show_dir=tmp_path / 'show', count=1))
    samples = [grounded(f's{side}', [0.0, 0, 8, side]) for side in (2.0, 8.0, 4.0, 4.0)]
    page = run(hook, runner, samples)
    titles = re.findall(r'<h2 id="part\d">(.*?)</h2>', page)
    assert titles == ['grounding: IoU', 'retrieval: rank, text to picture', 'retrieval: rank, picture to text']
    grounding, *retrieval = page.split('<h2')[1:]
    assert '3 samples' in grounding, 's4.0 came twice: it counts once'
    assert re.findall(r'<i>(s\d.0)</i>', grounding) == ['s8.0', 's4.0', 's2.0']
    # Of six pictures 2 and 3 are taken for each other: rank 2, and for 2 a text before it.
    assert all('<b>rank 1</b>' in part and '<b>rank 1</b>' not in part.split('Worst')[1] for part in retrieval)
    hook = HOOKS.build(dict(type='SamplePageHook', show_dir=tmp_path / 'show', count=1))
    runner.test_loop = SimpleNamespace(evaluator=object())
    assert '>AP50</h2>' in run(hook, runner, [detected()]), "MMEngine's loop has one task without a name"


def test_pictures_that_are_gone_do_not_break_the_test(runner, tmp_path, caplog):
    path = tmp_path / 'there.png'
    Image.fromarray(np.full((40, 80, 3), 7, np.uint8)).save(path)
    sample = grounded('s', [0.0, 0, 8, 8])
    sample.set_metainfo(dict(img_path=str(path)))
    hook = HOOKS.build(dict(type='SamplePageHook', show_dir=tmp_path / 'show', count=1))
    runner.test_loop.dataloader['retrieval'].dataset.pipeline.transforms.append(
        lambda item: {**item, 'inputs': 'stored features'}
    )
    hook.before_test(runner)
    hook.after_test_iter(runner, 0, {'inputs': ['stored features']}, [sample])
    path.unlink()
    hook.after_test_epoch(runner, {})
    page = (tmp_path / 'show/samples.html').read_text()
    assert 'No picture' in page and str(tmp_path) not in page
    assert 'is not shown' in caplog.text
