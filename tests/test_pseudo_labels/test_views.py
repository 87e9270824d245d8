"""What views of a picture have in common."""

from dataclasses import dataclass

import numpy as np
import pytest
import torch
from support.toy import toy_config

from slan_mm.pseudo_labels.views import ViewGrounder, iou
from slan_mm.registry import MODELS
from slan_mm.structures import Batched, MarkedText, TextTokens


def test_iou():
    assert iou([0, 0, 2, 2], [1, 0, 3, 2]) == pytest.approx(1 / 3)
    assert iou([0, 0, 1, 1], [1, 1, 2, 2]) == iou([0, 0, 0, 0], [0, 0, 0, 0]) == 0


@dataclass
class Columns(Batched):
    """Of each picture its brightest column, as a share of the width (B, 1)."""

    boxes: torch.Tensor


class BrightestColumn(torch.nn.Module):
    """Grounds every phrase on the brightest column of the picture; of 'nothing' it reads no word."""

    def data_preprocessor(self, batch, training):
        return dict(batch, inputs=torch.stack(batch['inputs']))

    def encode_image(self, inputs):
        return Columns(inputs.float().sum((1, 2)).argmax(1, keepdim=True) / inputs.shape[3])

    def tokenize(self, texts):
        known = torch.tensor([[text != 'nothing'] for text in texts])
        return TextTokens(known.long(), known, known, torch.zeros(len(texts), 1, 2))

    def encode_text(self, tokens):
        return tokens

    def ground_pairs(self, image, text, tokens, located, data_samples, pairs):
        columns = image.boxes[pairs.image, 0].tolist()
        for column, known, sample in zip(columns, text.word_mask[:, 0].int().tolist(), data_samples, strict=True):
            height, width = sample.ori_shape
            box = torch.tensor([[column * width - 3, 0.0, column * width + 7, height]])
            level = dict(boxes=box[:known], scores=torch.ones(known))
            sample.set_field([[level] for _ in sample.phrases], 'pred_phrases')
            sample.set_field([None for _ in sample.phrases], 'unread')


def test_the_answer_is_what_three_views_say():
    picture = np.zeros((32, 64, 3), np.uint8)
    picture[:, 16:18] = 255
    grounder = ViewGrounder(BrightestColumn(), (32, 64), (1.0, 2.0))
    texts = [MarkedText('a dog', [[[2, 5]]]), MarkedText('nothing', [[[0, 7]]])]
    ((answer,), (unread,)), ((other,),) = grounder([picture, picture[:, ::-1]], [texts, texts[:1]])
    assert unread is None
    x1, y1, x2, y2 = answer['box']
    assert (y1, y2) == (0, 32) and 10 <= x1 < 16 and 18 < x2 <= 26
    assert other['box'][0] > 40
    assert 0.5 < answer['flip'] <= 1 and 0.5 < answer['scale'] <= 1
    assert answer['score'] == 1 and answer['match'] is None


@pytest.mark.parametrize('kind', [dict(), dict(phrases_alone=True), dict(type='SLANGrounder', objective=None)])
def test_captions_of_a_picture_share_its_features(kind, monkeypatch):
    torch.manual_seed(0)
    model = MODELS.build({**toy_config(), **kind}).eval()
    pictures = [np.random.default_rng(number).integers(0, 256, (40, 50, 3), np.uint8) for number in range(3)]
    texts = [
        [MarkedText('a red circle left of a star', [[[2, 12]], [[23, 27]]]), MarkedText('a cross', [[[2, 7]]])],
        [MarkedText('a cross', [[[0, 7]]])],
        [MarkedText('a blue square', [[[2, 13]]]), MarkedText('a star', [[[2, 6]], [[0, 1]]])],
    ]
    alone = [[ViewGrounder(model, (32, 32), (1.0, 1.5))([p], [[one]])[0][0] for one in own]
             for p, own in zip(pictures, texts, strict=True)]  # fmt: skip
    encoded, encode = [], model.encode_image
    monkeypatch.setattr(model, 'encode_image', lambda inputs: encoded.append(len(inputs)) or encode(inputs))
    together = ViewGrounder(model, (32, 32), (1.0, 1.5), batch_size=3)(pictures, texts)
    assert encoded == [3, 3, 3]
    assert [[len(phrases) for phrases in own] for own in together] == [[2, 1], [1], [1, 2]]
    for one, other in zip(*([a for own in found for b in own for a in b] for found in (alone, together)), strict=True):
        for name in one:
            assert one[name] == pytest.approx(other[name], abs=0.02), name
