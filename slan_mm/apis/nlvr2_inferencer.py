"""Decides whether a sentence is true for two images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from slan_mm.apis.answers import one_for_each
from slan_mm.apis.base import TaskInferencer
from slan_mm.arguments import checked
from slan_mm.datasets.pictures import Picture, find_picture, picture_name, read_picture


class NLVR2Inferencer(TaskInferencer):
    """Decides whether a sentence is true for two images.

    .. code-block:: python

        inferencer = NLVR2Inferencer(CONFIG, CHECKPOINT)
        inferencer(['left.jpg', 'right.jpg'], 'both pictures show two dogs')['predictions'][0]['score']

    A prediction: ``images`` [left, right], ``text``, ``answer``, true or false, and ``score``, the model's probability,
    in [0, 1], that the sentence is true. Half of its training sentences are true.

    Args: see :class:`TaskInferencer`.
    """

    task = 'nlvr2'
    several_pictures = True
    needs = ('locate_sides',)

    @checked
    def __call__(
        self,
        inputs: Sequence[Picture | Sequence[Picture]],
        texts: str | Sequence[str],
        batch_size: int = 8,
        return_datasamples: bool = False,
        **options: Any,
    ) -> dict:
        """Classifies sentences.

        Args:
            inputs: Pairs of images (left, right); or a flat list, in which each two images form a pair.
            texts: A sentence for each pair, or one for all.
            batch_size, return_datasamples, options: See :class:`TaskInferencer`.

        Raises:
            UnreadableImageError: No image can be read.
            ValueError: Images do not form pairs, the numbers of sentences and pairs differ, or a sentence is empty.
        """
        return super().__call__(self.prepare(inputs, texts), return_datasamples, batch_size, **options)

    @classmethod
    @checked
    def prepare(cls, inputs: Sequence[Picture | Sequence[Picture]], texts: str | Sequence[str]) -> list[dict]:
        """See :class:`TaskInferencer`."""
        pictures: list[Picture] = []
        for entry in inputs if isinstance(inputs, list | tuple) else [inputs]:
            pictures += [find_picture(side) for side in (entry if isinstance(entry, list | tuple) else [entry])]
        if not pictures or len(pictures) % 2:
            raise ValueError(f'{len(pictures)} pictures are no pairs: give a left and a right one for each sentence')
        pairs = list(zip(pictures[::2], pictures[1::2], strict=True))
        items = []
        for number, (pair, text) in enumerate(zip(pairs, one_for_each(texts, len(pairs), 'sentences'), strict=True)):
            names = [picture_name(picture, 2 * number + side) for side, picture in enumerate(pair)]
            items.append(dict(pictures=pair, img_path=names, image_id=names[0], sample_id=names[0], text=text))
        return items

    def load(self, item: dict) -> list[np.ndarray]:
        """The left image and the right one."""
        return [read_picture(picture) for picture in item['pictures']]

    def to_dict(self, sample: Any) -> dict:
        """See the class."""
        score = float(sample.pred_score[1])
        return dict(images=list(sample.img_path), text=sample.text, answer=bool(sample.pred_label.item()), score=score)

    def describe_answer(self, prediction: dict) -> str:
        """The names of the images, the sentence, the answer and its probability."""
        answer = 'true' if prediction['answer'] else 'false'
        names = ', '.join(prediction['images'])
        return f'{names}: {prediction["text"]}: {answer} (probability of true {prediction["score"]:.2f})'
