"""The same question asked of several views of a picture: what the answers have in common can be trusted more."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from slan_mm.apis import Processor
from slan_mm.models.inference import evaluating
from slan_mm.models.phrase_grounding import phrase_answers
from slan_mm.structures import MarkedText

_SIDES = re.compile(r'\b(left|right)', re.IGNORECASE)
#: Sizes of pictures are multiples of this, as feature maps divide them.
_STEP = 16


def mirrored_text(marked: MarkedText) -> MarkedText:
    """What ``marked`` says of the mirrored picture: left is right and right is left; phrases keep their words."""
    text, position, places = '', 0, [0] * (len(marked.text) + 1)
    for match in _SIDES.finditer(marked.text):
        word = match.group()
        other = 'right' if word.lower() == 'left' else 'left'
        other = other.upper() if word.isupper() else other.title() if word[0].isupper() else other
        for letter in range(position, match.start()):
            places[letter] = len(text) + letter - position
        text += marked.text[position : match.start()]
        for letter in range(match.start(), match.end()):
            places[letter] = len(text)
        text += other
        position = match.end()
    for letter in range(position, len(marked.text) + 1):
        places[letter] = len(text) + letter - position
    text += marked.text[position:]
    return MarkedText(text, [[[places[start], places[end]] for start, end in runs] for runs in marked.spans])


def iou(box: Sequence[float], other: Sequence[float]) -> float:
    """The intersection over union of two boxes [x1, y1, x2, y2]; 0 where both have no area."""
    width = min(box[2], other[2]) - max(box[0], other[0])
    height = min(box[3], other[3]) - max(box[1], other[1])
    common = max(width, 0.0) * max(height, 0.0)
    areas = [(one[2] - one[0]) * (one[3] - one[1]) for one in (box, other)]
    return common / whole if (whole := sum(areas) - common) > 0 else 0.0


class ViewGrounder:
    """Grounds the phrases of captions in three views of a picture: large, large and mirrored, and larger.

    Args:
        model: A model that grounds phrases.
        size: (height, width) that the model was trained on.
        scales: How much larger the two sizes are.
    """

    def __init__(self, model: Any, size: tuple[int, int], scales: tuple[float, float]) -> None:
        self.model = model
        first, second = (Processor((_multiple(size[0] * scale), _multiple(size[1] * scale))) for scale in scales)
        self.views = ((first, False), (first, True), (second, False))

    def __call__(self, pictures: Sequence[np.ndarray], texts: Sequence[MarkedText]) -> list[list[dict | None]]:
        """Of each text the answers for its phrases, in its own picture; None where a phrase was not read.

        An answer: ``box`` [x1, y1, x2, y2] in pixels, at each border the median of the views'; ``score``, the mean of
        the views'; ``flip``, the least IoU of the box with the answer as it is and mirrored; ``scale``, that with the
        answer at the other size; ``match``, the probability that picture and text belong together, None if the model
        does not tell.
        """
        found = [self._ground(view, mirror, pictures, texts) for view, mirror in self.views]
        matches = self._matches(pictures, texts)
        answers: list[list[dict | None]] = []
        for row, match in enumerate(matches):
            own: list[dict | None] = []
            for number in range(len(texts[row].spans)):
                seen = [view[row][number] for view in found]
                own.append(None if any(one is None for one in seen) else _agree(seen, match))  # type: ignore[arg-type]
            answers.append(own)
        return answers

    def _ground(
        self, processor: Processor, mirror: bool, pictures: Sequence[np.ndarray], texts: Sequence[MarkedText]
    ) -> list[list[tuple[list[float], float] | None]]:
        """Of each phrase its best box in the upright picture and its score."""
        if mirror:
            pictures = [np.ascontiguousarray(picture[:, ::-1]) for picture in pictures]
            texts = [mirrored_text(text) for text in texts]
        with evaluating(self.model):
            batch = self.model.data_preprocessor(processor.pairs(pictures, texts), False)
            samples = self.model(**batch, mode='predict')
        answers = []
        for sample, picture in zip(samples, pictures, strict=True):
            height, width = picture.shape[:2]
            row: list[tuple[list[float], float] | None] = []
            for phrase in phrase_answers(sample):
                if not phrase['boxes']:
                    row.append(None)
                    continue
                x1, y1, x2, y2 = np.clip(phrase['boxes'][0], 0, [width, height, width, height]).tolist()
                row.append(([width - x2, y1, width - x1, y2] if mirror else [x1, y1, x2, y2], phrase['scores'][0]))
            answers.append(row)
        return answers

    def _matches(self, pictures: Sequence[np.ndarray], texts: Sequence[MarkedText]) -> list[float | None]:
        """The probability of each row-wise pair to belong together."""
        if not hasattr(self.model, 'itm_scores'):
            return [None] * len(texts)
        with evaluating(self.model):
            batch = self.model.data_preprocessor(self.views[0][0].pairs(pictures, texts), False)
            image = self.model.encode_image(batch['inputs'])
            text = self.model.encode_text([text.text for text in texts])
            return torch.sigmoid(self.model.itm_scores(image, text)).tolist()


def _multiple(pixels: float) -> int:
    return max(round(pixels / _STEP), 1) * _STEP


def _agree(seen: Sequence[tuple[list[float], float]], match: float | None) -> dict:
    boxes = [box for box, _ in seen]
    box = np.median(boxes, axis=0).tolist()
    plain, flipped, other = (iou(box, one) for one in boxes)
    # Rounded: sums of floats may differ in their last digits from machine to machine.
    return dict(
        box=[round(side, 2) for side in box],
        score=round(float(np.mean([score for _, score in seen])), 4),
        flip=round(min(plain, flipped), 3),
        scale=round(other, 3),
        match=None if match is None else round(match, 4),
    )
