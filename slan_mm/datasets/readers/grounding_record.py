"""What a grounding reader yields."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from slan_mm.datasets.readers.boxes import MAX_OVER, MAX_SIDE, pixels_over, wrong_box
from slan_mm.datasets.readers.entry import Entry
from slan_mm.plain_text import is_blank, short


@dataclass(slots=True)
class PhraseRecord:
    """A phrase of a caption.

    - ``spans``: all its character spans [start, end) in the caption.
    - ``boxes``: its boxes, absolute xyxy in pixels of the original image; none is allowed. What is no box stands here
      as it is in the file, until ``GroundingRecord.check``.
    - ``category``: its categories, or None where the file knows none.
    - ``phrase_id``: unique in its caption, and the same whichever other phrases have boxes.
    """

    spans: list[list[int]]
    boxes: list[Any]
    category: list[str] | None
    phrase_id: str


@dataclass(slots=True)
class GroundingRecord:
    """A caption of an image, with phrases.

    - ``img_path``, ``image_id``: as in ``ImageRecord``.
    - ``sample_id``: of the (image, caption) pair; unique in its file.
    - ``size``: (height, width) of the original image, in pixels.
    - ``boxes_from``: where boxes and size stand, if not in the file of ``entry``, for errors.
    """

    img_path: str
    image_id: str
    sample_id: str
    text: str
    size: tuple[int, int]
    phrases: list[PhraseRecord]
    entry: Entry
    boxes_from: Entry | None = None

    def check(self, bad_boxes: str = 'error') -> list[str]:
        """Checks caption, size, spans and boxes.

        Args:
            bad_boxes: 'error' refuses what is no box: not four finite numbers, or without area. 'drop' takes it out of
                the phrases.

        Returns:
            What was taken out, in words, each box once.

        Raises:
            AnnotationError: An empty caption that has phrases, no image size, a span outside the caption, what is no
                box, or a box outside the image.
        """
        # A caption without phrases, as of an image without objects, asks nothing: the data set leaves it out.
        if self.phrases and is_blank(self.text):
            self.entry.fail('the caption is empty', 'Write it, or remove the entry.')
        source = self.boxes_from or self.entry
        elsewhere = f' ({source.file})' if self.boxes_from else ''
        if not 1 <= min(self.size) <= max(self.size) <= MAX_SIDE:
            source.fail(f'height and width {short(self.size)} are no image size', 'Give those of the original image.')
        dropped: dict[int, str] = {}
        for phrase in self.phrases:
            where = f'phrase {phrase.phrase_id!r}'
            if not phrase.spans:
                self.entry.fail(f'{where} has no span', 'Give at least one [start, end).')
            for start, end in phrase.spans:
                if not 0 <= start < end <= len(self.text):
                    self.entry.fail(
                        f'{where}: span [{start}, {end}) is not inside the caption of {len(self.text)} characters',
                        'Spans count characters of the caption from 0, the end excluded.',
                    )
            kept = []
            for box in phrase.boxes:
                if wrong := wrong_box(box):
                    if bad_boxes == 'error':
                        source.fail(
                            f'{where}: {wrong}', "Repair or remove the box, or set bad_boxes='drop' on the data set."
                        )
                    dropped[id(box)] = f'{self.sample_id!r}, {where}{elsewhere}: {wrong}'
                    continue
                kept.append(box)
                if (over := pixels_over(box, self.size)) > MAX_OVER:
                    source.fail(
                        f'{where}: box {box} (x1, y1, x2, y2) reaches {over:g} pixels out of the image of height and '
                        f'width {self.size}',
                        'Boxes and size are those of the original image, in pixels: is the size that of a resized '
                        'copy, or the box x, y, width, height?',
                    )
            phrase.boxes = kept
        return list(dropped.values())


def phrases_of_boxes(boxes: Sequence[tuple[list[list[int]], Any]]) -> list[PhraseRecord]:
    """The phrases of boxes that come with spans, in the caption's order; boxes of equal spans are one phrase's."""
    found: dict[str, PhraseRecord] = {}
    for spans, box in boxes:
        found.setdefault(str(sorted(spans)), PhraseRecord(sorted(spans), [], None, '')).boxes.append(box)
    phrases = sorted(found.values(), key=lambda phrase: phrase.spans)
    for number, phrase in enumerate(phrases):
        phrase.phrase_id = str(number)
    return phrases
