"""Views of an image: the answers of all are merged, by numbers that were worked out by hand."""

import pytest
import torch
from mmpretrain.structures import DataSample
from torch import nn

from slan_mm.models import GroundingTTAModel
from slan_mm.models.grounding_tta import merge_views


def ranked(*rows):
    values = torch.tensor(rows, dtype=torch.float)
    return values[:, :4], values[:, 4]


def test_a_box_that_all_views_find_wins():
    plain = ranked((50, 50, 60, 60, 0.9), (0, 0, 10, 10, 0.8))
    flipped = ranked((2, 0, 12, 10, 0.7), (20, 20, 30, 30, 0.1))
    larger = ranked((1, 0, 11, 10, 0.9), (0, 0, 10, 10, 0.5))
    boxes, scores = merge_views([plain, flipped, larger])
    # (0, 0, 10, 10): x1 is the median of 0, 2, 1. The other is in no other view: .9, and their lowest, .1 and .5.
    assert boxes.tolist() == [[1, 0, 11, 10], [50, 50, 60, 60]]
    torch.testing.assert_close(scores, torch.tensor([0.8, 0.5]))


def test_a_view_that_did_not_read_the_phrase_does_not_count():
    plain, nothing = ranked((0, 0, 10, 10, 0.5)), (torch.zeros(0, 4), torch.zeros(0))
    assert [part.tolist() for part in merge_views([plain, nothing, nothing])] == [[[0, 0, 10, 10]], [0.5]]
    assert len(merge_views([nothing, plain, plain])[0]) == 0


class RedOnTheSide(nn.Module):
    """Finds 'left thing' in the left half and 'right thing' in the right one; its score is the image's width."""

    def test_step(self, data):
        for image, sample in zip(data['inputs'], data['data_samples'], strict=True):
            assert image.shape[1] == image.shape[2]
            ((start, end),) = sample.phrases[0]['spans']
            x = 0.0 if sample.text[start:end] == 'left thing' else 10.0
            level = dict(boxes=torch.tensor([[x, 0.0, x + 10, 20.0]]), scores=torch.tensor([float(image.shape[2])]))
            sample.set_field([[level, level]], 'pred_phrases')
        return data['data_samples']


def test_the_mirrored_view_is_asked_and_answers_the_other_way_round():
    sample = DataSample(metainfo=dict(ori_shape=(20, 20)))
    sample.set_field('a left thing', 'text')
    sample.set_field([dict(spans=[[2, 12]], boxes=None)], 'phrases')
    model = GroundingTTAModel(RedOnTheSide(), scale=1.5)
    (merged,) = model.test_step(dict(inputs=[torch.zeros(3, 32, 32, dtype=torch.uint8)], data_samples=[sample]))
    assert merged.text == 'a left thing' and 'pred_phrases' not in sample
    ((first, last),) = merged.pred_phrases
    assert first['boxes'].tolist() == last['boxes'].tolist() == [[0, 0, 10, 20]]
    assert last['scores'].tolist() == pytest.approx([(32 + 32 + 48) / 3])


def test_stored_features_are_refused():
    with pytest.raises(ValueError, match='test without a feature store'):
        GroundingTTAModel(RedOnTheSide()).test_step(dict(inputs=['feature'], data_samples=[None]))
