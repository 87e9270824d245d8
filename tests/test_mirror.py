"""What is said of a mirrored picture, and where boxes are in it."""

import numpy as np
import torch

from slan_mm.mirror import mirrored_boxes, mirrored_text
from slan_mm.structures import MarkedText


def test_the_mirrored_text_says_what_the_mirrored_picture_shows():
    text = 'Left of a red cross, right of the leftmost star'
    phrases = ['red cross', 'leftmost star']
    spans = [[[text.index(phrase), text.index(phrase) + len(phrase)]] for phrase in phrases]
    mirrored = mirrored_text(MarkedText(text, spans))
    assert mirrored.text == 'Right of a red cross, left of the rightmost star'
    assert mirrored.phrases == ['red cross', 'rightmost star']
    assert mirrored_text(mirrored) == MarkedText(text, spans)


def test_boxes_are_mirrored_without_a_change_of_the_given():
    boxes = [[1.0, 2.0, 4.0, 6.0]]
    for given in (np.array(boxes), torch.tensor(boxes)):
        assert mirrored_boxes(given, 10).tolist() == [[6, 2, 9, 6]]
        assert mirrored_boxes(mirrored_boxes(given, 10), 10).tolist() == given.tolist() == boxes
