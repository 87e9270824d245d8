"""What a grounding reader yields."""

from dataclasses import dataclass

from slan_mm.datasets.readers.entry import Entry

#: Pixels that a box may reach over the border: annotations count from 0 or from 1, and round.
MAX_OVER = 2.0


@dataclass(slots=True)
class PhraseRecord:
    """A phrase of a caption.

    - ``spans``: all its character spans [start, end) in the caption.
    - ``boxes``: its boxes, absolute xyxy in pixels of the original image; none is allowed.
    - ``category``: its categories, or None where the file knows none.
    - ``phrase_id``: unique in its caption, and the same whichever other phrases have boxes.
    """

    spans: list[list[int]]
    boxes: list[list[float]]
    category: list[str] | None
    phrase_id: str


@dataclass(slots=True)
class GroundingRecord:
    """A caption of an image, with phrases.

    - ``img_path``, ``image_id``: as in ``ImageRecord``.
    - ``sample_id``: of the (image, caption) pair; unique in its file.
    - ``size``: (height, width) of the original image, in pixels.
    """

    img_path: str
    image_id: str
    sample_id: str
    text: str
    size: tuple[int, int]
    phrases: list[PhraseRecord]
    entry: Entry

    def check(self) -> None:
        """Raises AnnotationError: an empty caption, a span outside it, a box without area or outside the image."""
        if not self.text.strip():
            self.entry.fail('the caption is empty', 'Write it, or remove the entry.')
        if min(self.size) < 1:
            self.entry.fail(f'height and width {self.size} are no image size', 'Give those of the original image.')
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
            for box in phrase.boxes:
                if not (box[0] < box[2] and box[1] < box[3]):
                    self.entry.fail(f'{where}: box {box} (x1, y1, x2, y2) has no area', 'Repair or remove the box.')
                over = max(-box[0], -box[1], box[2] - self.size[1], box[3] - self.size[0])
                if over > MAX_OVER:
                    self.entry.fail(
                        f'{where}: box {box} (x1, y1, x2, y2) reaches {over:g} pixels out of the image of height and '
                        f'width {self.size}',
                        'Boxes and size are those of the original image, in pixels: is the size that of a resized '
                        'copy, or the box x, y, width, height?',
                    )
