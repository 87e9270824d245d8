"""What views of a picture have in common."""

import numpy as np
import pytest
import torch

from slan_mm.pseudo_labels.views import ViewGrounder, iou, mirrored_text
from slan_mm.structures import MarkedText


def test_the_mirrored_text_says_what_the_mirrored_picture_shows():
    text = 'Left of a red cross, right of the leftmost star'
    phrases = ['red cross', 'leftmost star']
    spans = [[[text.index(phrase), text.index(phrase) + len(phrase)]] for phrase in phrases]
    mirrored = mirrored_text(MarkedText(text, spans))
    assert mirrored.text == 'Right of a red cross, left of the rightmost star'
    assert mirrored.phrases == ['red cross', 'rightmost star']
    assert mirrored_text(mirrored) == MarkedText(text, spans)


def test_iou():
    assert iou([0, 0, 2, 2], [1, 0, 3, 2]) == pytest.approx(1 / 3)
    assert iou([0, 0, 1, 1], [1, 1, 2, 2]) == iou([0, 0, 0, 0], [0, 0, 0, 0]) == 0


class BrightestColumn(torch.nn.Module):
    """Grounds every phrase on the brightest column of the picture; of 'nothing' it reads no word."""

    def data_preprocessor(self, batch, training):
        return batch

    def forward(self, inputs, data_samples, mode):
        for picture, sample in zip(inputs, data_samples, strict=True):
            width, height = sample.ori_shape[1], sample.ori_shape[0]
            column = int(picture.sum((0, 1)).argmax()) * width / picture.shape[2]
            box = torch.tensor([[column - 3, 0.0, column + 7, height]])
            known = 0 if sample.text == 'nothing' else 1
            level = dict(boxes=box[:known], scores=torch.ones(known))
            sample.set_field([[level] for _ in sample.phrases], 'pred_phrases')
            sample.set_field([None for _ in sample.phrases], 'unread')
        return data_samples


def test_the_answer_is_what_three_views_say():
    picture = np.zeros((32, 64, 3), np.uint8)
    picture[:, 16:18] = 255
    grounder = ViewGrounder(BrightestColumn(), (32, 64), (1.0, 2.0))
    texts = [MarkedText('a dog', [[[2, 5]]]), MarkedText('nothing', [[[0, 7]]])]
    (answer,), (unread,) = grounder([picture, picture], texts)
    assert unread is None
    x1, y1, x2, y2 = answer['box']
    assert (y1, y2) == (0, 32) and 10 <= x1 < 16 and 18 < x2 <= 26
    assert 0.5 < answer['flip'] <= 1 and 0.5 < answer['scale'] <= 1
    assert answer['score'] == 1 and answer['match'] is None
