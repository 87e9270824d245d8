"""Images in, captions out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from slan_mm.apis.answers import finite
from slan_mm.apis.base import TaskInferencer
from slan_mm.apis.processor import picture_items
from slan_mm.arguments import checked
from slan_mm.datasets.pictures import Picture, list_pictures


class CaptioningInferencer(TaskInferencer):
    """Writes captions.

    .. code-block:: python

        inferencer = CaptioningInferencer(CONFIG, CHECKPOINT)
        inferencer(['dog.jpg', 'cat.jpg'])['predictions'][0]['caption']

    A prediction: ``image``, ``caption`` and ``score``, the caption's log-probability. 0 is certainty, longer captions
    have lower scores, and an empty caption has None. It measures how likely the words are for the model, not whether
    they are true.

    Args: see :class:`TaskInferencer`.
    """

    task = 'captioning'
    takes_text = False
    needs = ('decoder', 'prompt')

    @checked
    def __call__(
        self,
        inputs: Picture | Sequence[Picture],
        batch_size: int = 8,
        return_datasamples: bool = False,
        **options: Any,
    ) -> dict:
        """Captions an image, several, or a folder; for the other arguments see :class:`TaskInferencer`.

        Raises:
            UnreadableImageError: No image can be read.
        """
        return super().__call__(self.prepare(inputs), return_datasamples, batch_size, **options)

    @classmethod
    @checked
    def prepare(cls, inputs: Picture | Sequence[Picture]) -> list[dict]:
        """See :class:`TaskInferencer`."""
        return picture_items(list_pictures(inputs))

    def to_dict(self, sample: Any) -> dict:
        """See the class."""
        return dict(image=sample.image_id, caption=sample.pred_caption, score=finite(sample.pred_score))

    def describe_answer(self, prediction: dict) -> str:
        """The caption, after the image's name."""
        return f'{prediction["image"]}: {prediction["caption"]}'
