"""Boxes to learn from, of generated pictures."""

import torch

from slan_mm.datasets import ShapesGrounding, ShapesPairs


def test_train_split_has_boxes_of_its_captions_phrases():
    dataset, pairs = ShapesGrounding(num_images=6), ShapesPairs(num_images=6)
    for index in range(6):
        item, pair = dataset[index], pairs[index]
        assert torch.equal(item['inputs'], pair['inputs']) and item['data_samples'].text == pair['data_samples'].text
        phrases = item['data_samples'].phrases
        assert 2 <= len(phrases) <= 3
        for phrase in phrases:
            ((start, end),) = phrase['spans']
            assert len(item['data_samples'].text[start:end].split()) in (2, 3)
            ((x1, y1, x2, y2),) = phrase['boxes'].tolist()
            assert 0 <= x1 < x2 <= 64 and 0 <= y1 < y2 <= 64


def test_captions_are_new_each_epoch():
    dataset = ShapesGrounding(num_images=8)
    first, second = ([dataset[index + epoch * 8]['data_samples'].text for index in range(8)] for epoch in (0, 1))
    assert first != second


def test_evaluation_splits_are_those_of_shapes_pairs():
    one = ShapesGrounding(split='val', num_images=2)[1]['data_samples']
    other = ShapesPairs(split='val', task='grounding', num_images=2)[1]['data_samples']
    assert one.text == other.text and torch.equal(one.phrases[0]['boxes'], other.phrases[0]['boxes'])
