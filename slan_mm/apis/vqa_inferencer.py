"""Images and questions in, answers out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from slan_mm.apis.answers import finite, one_for_each
from slan_mm.apis.base import TaskInferencer
from slan_mm.apis.processor import picture_items
from slan_mm.arguments import checked
from slan_mm.datasets.pictures import Picture, list_pictures


class VQAInferencer(TaskInferencer):
    """Answers questions about images.

    .. code-block:: python

        inferencer = VQAInferencer(CONFIG, CHECKPOINT)
        inferencer('dog.jpg', 'what colour is the dog?')['predictions'][0]['answer']

    A prediction: ``image``, ``question``, ``answer`` and ``score``, the answer's log-probability. 0 is certainty, and
    an empty answer has None. If the model ranks a closed list, the score is not normalised over the list. It measures
    how likely the words are for the model, not whether they are true.

    Args: see :class:`TaskInferencer`.
    """

    task = 'vqa'
    needs = ('decoder', 'inference')

    @checked
    def __call__(
        self,
        inputs: Picture | Sequence[Picture],
        texts: str | Sequence[str],
        batch_size: int = 8,
        return_datasamples: bool = False,
        **options: Any,
    ) -> dict:
        """Answers ``texts``, a question for each image or one for all; other arguments: see :class:`TaskInferencer`.

        Raises:
            UnreadableImageError: No image can be read.
            ValueError: The numbers of questions and images differ, or a question is empty.
        """
        return super().__call__(self.prepare(inputs, texts), return_datasamples, batch_size, **options)

    @classmethod
    @checked
    def prepare(cls, inputs: Picture | Sequence[Picture], texts: str | Sequence[str]) -> list[dict]:
        """See :class:`TaskInferencer`."""
        items = picture_items(list_pictures(inputs))
        for item, text in zip(items, one_for_each(texts, len(items), 'questions'), strict=True):
            item['text'] = text
        return items

    def to_dict(self, sample: Any) -> dict:
        """See the class."""
        return dict(
            image=sample.image_id, question=sample.text, answer=sample.pred_answer, score=finite(sample.pred_score)
        )

    def describe_answer(self, prediction: dict) -> str:
        """Question and answer, after the image's name."""
        return f'{prediction["image"]}: {prediction["question"]} {prediction["answer"]}'
