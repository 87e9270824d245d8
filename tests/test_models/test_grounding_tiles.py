"""Tiles of an image: the boxes of all stand in the image's own pixels."""

import pytest
import torch
from mmpretrain.structures import DataSample
from torch import nn

from slan_mm.models import GroundingTiles


class Brightest(nn.Module):
    """Answers with the box of what is bright, scored by its share of the view; without any: none."""

    def test_step(self, data):
        for image, sample in zip(data['inputs'], data['data_samples'], strict=True):
            assert image.shape == (3, 40, 40)
            rows, columns = (image[0] > 100).nonzero(as_tuple=True)
            height, width = sample.ori_shape
            boxes, scores = torch.zeros(0, 4), torch.zeros(0)
            if len(rows):
                edges = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
                boxes = torch.stack(edges).float()[None] * torch.tensor([width, height, width, height]) / 40
                scores = torch.tensor([len(rows) / 1600])
            level = dict(boxes=torch.zeros(1, 4), scores=torch.zeros(1))
            sample.set_field([[level, dict(boxes=boxes, scores=scores)]], 'pred_phrases')
        return data['data_samples']


def answer(bright, ori_shape=(120, 180)):
    image = torch.zeros(3, 60, 60, dtype=torch.uint8)
    x1, y1, x2, y2 = bright
    image[:, y1:y2, x1:x2] = 255
    sample = DataSample(metainfo=dict(ori_shape=ori_shape))
    (merged,) = GroundingTiles(Brightest(), size=40).test_step(dict(inputs=[image], data_samples=[sample]))
    assert merged.ori_shape == ori_shape and 'pred_phrases' not in sample
    ((first, last),) = merged.pred_phrases
    assert first['boxes'].tolist() == [[0, 0, 0, 0]]
    return last


def test_a_small_thing_is_best_seen_in_its_tile():
    # At the lower right, in one tile alone; the image has 3 x 2 original pixels for one.
    found = answer((48, 45, 54, 51))
    assert found['scores'].tolist() == pytest.approx([36 / 1600, 16 / 1600])
    assert found['boxes'].tolist() == [[144, 90, 162, 102]] * 2


def test_where_tiles_overlap_each_finds_it():
    found = answer((27, 27, 33, 33))
    torch.testing.assert_close(found['boxes'], torch.tensor([[81.0, 54, 99, 66]]).expand(5, 4))


def test_what_a_tile_cuts_is_not_its_answer():
    # Left to right through the upper tiles: only the whole image shows all of it.
    found = answer((3, 3, 57, 9))
    assert found['boxes'].tolist() == [[9, 6, 171, 18]]


def test_images_without_tiles_are_refused():
    model = GroundingTiles(Brightest(), size=40)
    for image, told in (
        ('feature', 'without a feature store'),
        (torch.zeros(3, 40, 60), 'resize it'),
        (torch.zeros(3, 60, 81), 'resize it'),
    ):
        with pytest.raises(ValueError, match=told):
            model.test_step(dict(inputs=[image], data_samples=[None]))
