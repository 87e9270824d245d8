"""Images and texts in, the regions of the texts' phrases out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from slan_mm.apis.answers import box_text, one_for_each
from slan_mm.apis.base import TaskInferencer
from slan_mm.apis.processor import phrase_fields, picture_items
from slan_mm.arguments import checked, list_of, text
from slan_mm.datasets.marked_text import mark_spans, read_marked_text
from slan_mm.datasets.noun_phrases import mark_phrases
from slan_mm.datasets.pictures import Picture, list_pictures
from slan_mm.models.phrase_grounding import phrase_answers, shown_boxes
from slan_mm.structures import MarkedText
from slan_mm.visualization import Canvas, LabelledBox, draw_regions, drawn_picture


def marked_or_plain(value: Any) -> str | MarkedText:
    """Checks an argument ``texts``: a text, or a text with marked phrases."""
    return mark_spans(value.text, value.spans) if isinstance(value, MarkedText) else text(value)


class GroundingInferencer(TaskInferencer):
    """Finds the regions that phrases name.

    .. code-block:: python

        inferencer = GroundingInferencer(CONFIG, CHECKPOINT)
        result = inferencer('dog.jpg', 'a [dog] runs over the [wet grass]')
        result['predictions'][0]['phrases'][0]['boxes'][0]  # of 'dog': the best box, [x1, y1, x2, y2] in pixels

    A prediction: ``image``, ``text``, ``size`` [height, width] and ``phrases``. Each phrase has its
    ``phrase``, its ``spans`` in the text, its ``boxes`` (after the last level, in pixels of the image, best first), and
    their ``scores``. For a model from ``tools/calibrate.py`` it also has ``present``, the probability that the object
    is in the image. Boxes of one phrase have an IoU of at most .5 (non-maximum suppression). A phrase that the text
    encoder does not read (beyond its ``max_words``, or without tokens) has no box, and ``unread`` gives the reason. A
    phrase that is read in part has the boxes of that part, and ``unread``.

    A score ranks the regions of one image for one phrase. After pre-training (``SLAN``), each word has the sum of its
    cosines with the region in each region-word space (at most 2), and the score is the mean over the phrase's words. It
    is not a probability. After supervised fine-tuning (``SLANGrounder``), it is the probability, in [0, 1], that the
    region is one of the phrase's boxes (IoU of .5 or more). Phrases of the training data are always in the image, so
    it says little about absent objects.

    Args: see :class:`TaskInferencer`.
    """

    task = 'grounding'
    needs = ('grounds_phrases',)
    postprocess_kwargs = {'pred_out_dir', 'top', 'score_thr'}

    @checked(texts=list_of(marked_or_plain))
    def __call__(
        self,
        inputs: Picture | Sequence[Picture],
        texts: str | MarkedText | Sequence[str | MarkedText],
        phrases: Sequence | None = None,
        find: str = 'noun_phrases',
        batch_size: int = 8,
        return_datasamples: bool = False,
        **options: Any,
    ) -> dict:
        """Grounds the phrases of ``texts`` in the images.

        Args:
            inputs: An image, several, or a folder.
            texts: A text for each image, or one for all. ``[`` and ``]`` mark its phrases, unless ``phrases`` is given.
            phrases: For each text, its phrases as character spans [start, end), or as lists of such spans. For a single
                text, without the outer list.
            find: How to find phrases in texts without marks: 'noun_phrases', see :func:`mark_phrases`; or 'words', all
                words except function words.
            batch_size, return_datasamples: See :class:`TaskInferencer`.
            options: ``top``, the maximum number of boxes per phrase in results and pages (default: 1, or as many as the
                phrase names for a model with ``several``); ``score_thr``, the minimum score of a box, or the minimum
                ``present`` of a phrase for a calibrated model (default: none); and those of :class:`TaskInferencer`.

        Raises:
            UnreadableImageError: No image can be read.
            ValueError: Brackets or spans are wrong, or the numbers of texts and images differ.
        """
        items = self.prepare(inputs, texts, phrases, find)
        return super().__call__(items, return_datasamples, batch_size, **options)

    @classmethod
    @checked(texts=list_of(marked_or_plain))
    def prepare(
        cls,
        inputs: Picture | Sequence[Picture],
        texts: str | MarkedText | Sequence[str | MarkedText],
        phrases: Sequence | None = None,
        find: str = 'noun_phrases',
    ) -> list[dict]:
        """See :class:`TaskInferencer`."""
        pictures = list_pictures(inputs)
        count = len(pictures)
        if phrases is None or not isinstance(texts, list | tuple):
            spans = [phrases] * count
        else:
            spans = one_for_each(phrases, count, 'lists of phrases')
        texts = one_for_each(texts, count, 'texts')
        items = picture_items(pictures)
        for item, asked, given in zip(items, texts, spans, strict=True):
            item |= phrase_fields(_marked(asked, given, find))
        return items

    def to_dict(self, sample: Any, top: int | None = None, score_thr: float | None = None) -> dict:
        """See the class; ``top`` and ``score_thr``: maximum number of boxes per phrase, and their minimum score."""
        return dict(
            image=sample.image_id,
            text=sample.text,
            size=list(sample.ori_shape),
            phrases=phrase_answers(sample, top, score_thr),
        )

    def describe_answer(self, prediction: dict) -> str:
        """A line for the image, and one for each box of a phrase."""
        lines = [f'{prediction["image"]}: {prediction["text"]}']
        for phrase in prediction['phrases']:
            for box, score in zip(phrase['boxes'], phrase['scores'], strict=True):
                lines.append(f'  {phrase["phrase"]}: {box_text(box)}  score {score:.3f}')
            if unread := phrase.get('unread'):
                lines.append(f'  {phrase["phrase"]}: {"read" if phrase["boxes"] else "not grounded:"} {unread}')
            elif not phrase['boxes'] and 'present' in phrase:
                lines.append(f'  {phrase["phrase"]}: probably not there ({phrase["present"]:.2f})')
            elif not phrase['boxes']:
                lines.append(f'  {phrase["phrase"]}: no box with such a score')
        return '\n'.join(lines)

    def boxes(self, prediction: dict) -> list[LabelledBox]:
        """See :class:`TaskInferencer`; each phrase has its own colour."""
        return [
            LabelledBox(f'{phrase["phrase"]} {score:.2f}', box, number)
            for number, phrase in enumerate(prediction['phrases'])
            for box, score in zip(phrase['boxes'], phrase['scores'], strict=True)
        ]

    def draw(self, item: dict, sample: Any, top: int | None = None, score_thr: float | None = None) -> Canvas:
        """The image with each phrase's boxes and their scores, and its best box before any adaptor."""
        picture = torch.from_numpy(self.load(item)[0].transpose(2, 0, 1).copy())
        drawn = drawn_picture(sample, picture, shown_boxes(sample, top, score_thr))
        return draw_regions([drawn], Path(sample.image_id).name, columns=1, column_width=420.0)


def _marked(asked: str | MarkedText, phrases: Sequence | None, find: str) -> MarkedText:
    if isinstance(asked, MarkedText):
        return asked
    if phrases is not None:
        return mark_spans(asked, phrases)
    return mark_phrases(asked) if find == 'noun_phrases' else read_marked_text(asked)
