"""From data samples and the evaluator to what is drawn."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmpretrain.structures import DataSample
from PIL import Image

from slan_mm.datasets import ShapesPairs
from slan_mm.evaluation.gallery import Gallery
from slan_mm.evaluation.rerank import rank, shortlist
from slan_mm.visualization import drawn_picture, drawn_pictures, spread_queries, visible_picture
from slan_mm.visualization.collect import picture_name


def sample_at(path, name='s0'):
    sample = DataSample()
    sample.set_metainfo({'img_path': str(path), 'sample_id': name, 'ori_shape': (40, 80)})
    return sample


def grounded(path='nowhere.png', gold=((0.0, 0, 8, 8),)):
    sample = sample_at(path)
    sample.set_field('a red circle', 'text')
    boxes = torch.tensor(gold).reshape(-1, 4)
    sample.set_field([dict(spans=[[2, 12]], boxes=boxes, category=None, phrase_id='0')], 'phrases')
    levels = [dict(boxes=torch.tensor([[n, 0.0, 9, 9], [1, 1, 2, 2]]), scores=torch.tensor([0.9, 0.1])) for n in (5, 6)]
    sample.set_field([levels], 'pred_phrases')
    return sample


def test_the_file_comes_before_what_the_model_saw(tmp_path):
    path = tmp_path / 'large.png'
    Image.fromarray(np.full((500, 1600, 3), 7, np.uint8)).save(path)
    assert visible_picture(sample_at(path), torch.zeros(3, 4, 4)).shape == (250, 800, 3)
    inputs = torch.arange(48, dtype=torch.uint8).reshape(3, 4, 4)
    assert (visible_picture(sample_at('shapes://test/0'), inputs)[1, 2] == inputs[:, 1, 2].numpy()).all()
    with pytest.raises(FileNotFoundError, match="'s0'.*gone.png"):
        visible_picture(sample_at(tmp_path / 'gone.png'))


def test_answer_is_the_best_box_of_the_last_level():
    picture = drawn_picture(grounded(), torch.zeros(3, 4, 4, dtype=torch.uint8))
    assert picture.text == 'a red circle' and picture.shape == (40, 80)
    (phrase,) = picture.phrases
    assert phrase.answers.tolist() == [[6, 0, 9, 9]] and phrase.scores is None
    assert phrase.start.tolist() == [5, 0, 9, 9]
    assert phrase.gold.tolist() == [[0, 0, 8, 8]] and phrase.spans == [[2, 12]]


def test_answers_given_are_drawn_with_their_scores():
    answers = [(torch.tensor([[1.0, 2, 3, 4], [5, 6, 7, 8]]), torch.tensor([0.5, 0.25]))]
    (phrase,) = drawn_picture(grounded(), torch.zeros(3, 4, 4, dtype=torch.uint8), answers).phrases
    assert phrase.answers.tolist() == [[1, 2, 3, 4], [5, 6, 7, 8]] and phrase.scores.tolist() == [0.5, 0.25]


def test_a_picture_is_called_by_its_file_where_there_is_one(tmp_path):
    (tmp_path / 'dog.jpg').touch()
    assert picture_name(sample_at(tmp_path / 'dog.jpg')) == 'dog.jpg'
    assert picture_name(sample_at('shapes://test/0')) == 's0'


def test_a_phrase_without_gold_has_none_to_draw():
    picture = drawn_picture(grounded(gold=()), torch.zeros(3, 4, 4, dtype=torch.uint8))
    assert picture.phrases[0].gold.shape == (0, 4)


def test_a_picture_that_is_not_to_be_had_is_left_out(tmp_path):
    broken = tmp_path / 'broken.jpg'
    broken.write_bytes(b'no picture')
    inputs = torch.zeros(3, 4, 4, dtype=torch.uint8)
    drawn = drawn_pictures([grounded(), grounded(), grounded(broken)], [None, inputs, inputs])
    assert len(drawn) == 1


def evaluator_of(dataset, captions):
    """An evaluator that ran on ``dataset``: ITC scores fall from the diagonal, but image 2 is taken for image 3."""
    images = np.arange(len(dataset))
    text_image = np.repeat(images, captions)
    distance = text_image[None] - images[:, None]
    itc = -np.abs(distance) - np.float32(0.1) * (distance > 0)  # no ties
    itc[[2, 3]] = itc[[3, 2]]
    texts = [text for index in range(len(dataset)) for text in dataset[index]['data_samples'].text]
    ids = [dataset[index]['data_samples'].image_id for index in range(len(dataset))]
    gallery = Gallery(ids, texts, text_image, None, None, None, None)
    return SimpleNamespace(
        gallery=gallery,
        i2t=rank(itc, itc, images, text_image, shortlist(itc, 4)),
        t2i=rank(itc.T, itc.T, text_image, images, shortlist(itc.T, 4)),
    )


def test_queries_carry_what_they_found():
    dataset = ShapesPairs('test', 'retrieval', num_images=6, captions_per_image=2)
    evaluator = evaluator_of(dataset, 2)
    texts, images = spread_queries(evaluator, dataset, count=3, shown=4)
    assert [query.rank for query in images] == [1, 3, 1]  # pictures 0, 2, 4
    assert images[0].gold == [True, True, False, False]
    assert images[1].found[0] in dataset[3]['data_samples'].text and not images[1].gold[0]
    assert [query.text for query in texts] == [evaluator.gallery.texts[index] for index in (0, 4, 8)]
    assert [query.rank for query in texts] == [1, 2, 1]
    expected = dataset[3]['inputs'].numpy().transpose(1, 2, 0)
    assert (texts[1].found[0].image == expected).all() and texts[1].gold[1]
    # Text 4 is of picture 2; the first text of picture 2 is text 4.
    assert (texts[1].right.image == dataset[2]['inputs'].numpy().transpose(1, 2, 0)).all()
    assert images[1].right == evaluator.gallery.texts[4]


def test_fewer_queries_than_asked_for():
    dataset = ShapesPairs('test', 'retrieval', num_images=4)
    texts, images = spread_queries(evaluator_of(dataset, 1), dataset, count=9)
    assert len(texts) == len(images) == 4


def test_a_video_is_seen_by_its_middle_frame(tmp_path):
    frames = torch.arange(5, dtype=torch.uint8)[:, None, None, None].expand(5, 3, 4, 6)
    for path in ('shapes-videos://test/0', tmp_path / 'film.mp4'):
        picture = visible_picture(sample_at(path), frames)
        assert picture.shape == (4, 6, 3) and (picture == 2).all()
