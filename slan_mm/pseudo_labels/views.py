"""The same question asked of several views of a picture: what the answers have in common can be trusted more."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch

from slan_mm.apis import Processor
from slan_mm.apis.processor import phrase_sample
from slan_mm.mirror import mirrored_boxes, mirrored_text
from slan_mm.models.inference import evaluating
from slan_mm.models.phrase_grounding import phrase_answers
from slan_mm.pair_index import PairIndex
from slan_mm.structures import ImageFeatures, MarkedText, TextFeatures, TextTokens

#: Sizes of pictures are multiples of this, as feature maps divide them.
_STEP = 16
#: A phrase's box and score in a view; None where the phrase was not read.
_Found = tuple[list[float], float] | None


def iou(box: Sequence[float], other: Sequence[float]) -> float:
    """The intersection over union of two boxes [x1, y1, x2, y2]; 0 where both have no area."""
    width = min(box[2], other[2]) - max(box[0], other[0])
    height = min(box[3], other[3]) - max(box[1], other[1])
    common = max(width, 0.0) * max(height, 0.0)
    areas = [(one[2] - one[0]) * (one[3] - one[1]) for one in (box, other)]
    return common / whole if (whole := sum(areas) - common) > 0 else 0.0


class ViewGrounder:
    """Grounds the phrases of captions in three views of a picture: large, large and mirrored, and larger.

    A picture is encoded once a view, and a caption once, or twice if it is another one in the mirror.

    Args:
        model: A model that grounds phrases.
        size: (height, width) that the model was trained on.
        scales: How much larger the two sizes are.
        batch_size: Captions that meet their pictures together.
    """

    def __init__(self, model: Any, size: tuple[int, int], scales: tuple[float, float], batch_size: int = 16) -> None:
        self.model, self.batch_size = model, batch_size
        first, second = (Processor((_multiple(size[0] * scale), _multiple(size[1] * scale))) for scale in scales)
        self.views = ((first, False), (first, True), (second, False))

    def __call__(
        self, pictures: Sequence[np.ndarray], texts: Sequence[Sequence[MarkedText]]
    ) -> list[list[list[dict | None]]]:
        """Of each of the ``texts`` of each picture the answers for its phrases; None where a phrase was not read.

        An answer: ``box`` [x1, y1, x2, y2] in pixels, at each border the median of the views'; ``score``, the mean of
        the views'; ``flip``, the least IoU of the box with the answer as it is and mirrored; ``scale``, that with the
        answer at the other size; ``match``, the probability that picture and text belong together, None if the model
        does not tell.
        """
        captions = [text for own in texts for text in own]
        rows = [row for row, own in enumerate(texts) for _ in own]
        seen: list[list[list[_Found]]] = []
        matches: list[float | None] = [None] * len(captions)
        with evaluating(self.model):
            said = _Captions(self.model, captions)
            for processor, mirror in self.views:
                shown = [np.ascontiguousarray(picture[:, ::-1]) for picture in pictures] if mirror else pictures
                image = self._encode(processor, shown)
                seen.append(self._ground(image, pictures, said, rows, mirror))
                if len(seen) == 1 and hasattr(self.model, 'itm_scores'):
                    matches = self._match(image, said, rows)
        answers = iter([_agree(views, match) for *views, match in zip(*seen, matches, strict=True)])
        return [[next(answers) for _ in own] for own in texts]

    def _encode(self, processor: Processor, pictures: Sequence[np.ndarray]) -> ImageFeatures:
        parts = []
        for batch in processor.batches(list(pictures), self.batch_size):
            parts.append(self.model.encode_image(self.model.data_preprocessor(batch, False)['inputs']))
        return type(parts[0]).cat(parts)

    def _ground(
        self,
        image: ImageFeatures,
        pictures: Sequence[np.ndarray],
        said: _Captions,
        rows: Sequence[int],
        mirror: bool,
    ) -> list[list[_Found]]:
        """Of each phrase of each caption its best box in the upright picture and its score."""
        answers = []
        for part, images, pairs in self._pairs(rows, image):
            texts = said.marked(mirror)[part]
            sizes = [pictures[row].shape[:2] for row in rows[part]]
            samples = [phrase_sample(text, size) for text, size in zip(texts, sizes, strict=True)]
            text, tokens = said.encoded(mirror, part)
            self.model.ground_pairs(image[images], text, tokens, None, samples, pairs)
            for sample, (height, width) in zip(samples, sizes, strict=True):
                answers.append([_upright(phrase, height, width, mirror) for phrase in phrase_answers(sample)])
        return answers

    def _match(self, image: ImageFeatures, said: _Captions, rows: Sequence[int]) -> list[float | None]:
        """The probability of each caption and its picture to belong together."""
        found: list[float | None] = []
        for part, images, pairs in self._pairs(rows, image):
            text, _ = said.encoded(False, part)
            found += torch.sigmoid(self.model.itm_scores(image[images].for_pairs(), text, pairs)).tolist()
        return found

    def _pairs(self, rows: Sequence[int], image: ImageFeatures) -> Iterator[tuple[slice, slice, PairIndex]]:
        """A batch of captions at a time: which they are, whose pictures, and the pairs of both."""
        device = image.boxes.device
        for start in range(0, len(rows), self.batch_size):
            own = rows[start : start + self.batch_size]
            of_image = torch.tensor(own, device=device) - own[0]
            pairs = PairIndex(of_image, torch.arange(len(own), device=device))
            yield slice(start, start + len(own)), slice(own[0], own[-1] + 1), pairs


class _Captions:
    """Captions and what they say of the mirrored picture; equal texts are encoded once."""

    def __init__(self, model: Any, captions: Sequence[MarkedText]) -> None:
        self._marked = (list(captions), [mirrored_text(one) for one in captions])
        self._row = {
            text: row for row, text in enumerate(dict.fromkeys(one.text for own in self._marked for one in own))
        }
        self._tokens = model.tokenize(list(self._row))
        self._text = model.encode_text(self._tokens)

    def marked(self, mirror: bool) -> list[MarkedText]:
        """The captions, or their mirror images."""
        return self._marked[mirror]

    def encoded(self, mirror: bool, part: slice) -> tuple[TextFeatures, TextTokens]:
        """The features and tokens of some of them."""
        rows = [self._row[one.text] for one in self._marked[mirror][part]]
        index = torch.tensor(rows, device=self._tokens.input_ids.device)
        return self._text[index], self._tokens[index]


def _upright(phrase: dict, height: int, width: int, mirror: bool) -> _Found:
    if not phrase['boxes']:
        return None
    box = np.clip(phrase['boxes'][0], 0, [width, height, width, height])
    return (mirrored_boxes(box, width) if mirror else box).tolist(), phrase['scores'][0]


def _multiple(pixels: float) -> int:
    return max(round(pixels / _STEP), 1) * _STEP


def _agree(views: Sequence[Sequence[_Found]], match: float | None) -> list[dict | None]:
    """The answers for the phrases of a caption, of which each view has found some."""
    answers: list[dict | None] = []
    for seen in zip(*views, strict=True):
        found = [one for one in seen if one is not None]
        answers.append(_answer(found, match) if len(found) == len(seen) else None)
    return answers


def _answer(seen: Sequence[tuple[list[float], float]], match: float | None) -> dict:
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
