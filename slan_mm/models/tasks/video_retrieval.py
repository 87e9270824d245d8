"""Video-text retrieval: the retrieval model on sequences of frames (section 4.2.5)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeGuard

import torch
from torch import Tensor

from slan_mm.models.slan import SLAN
from slan_mm.models.video import join_frames, join_located, num_frames, split_frames
from slan_mm.pair_index import PairIndex
from slan_mm.registry import MODELS
from slan_mm.structures import ImageFeatures, Located, TextFeatures


@MODELS.register_module()
class VideoRetrieval(SLAN):
    """SLAN whose images may be videos: "select m frames of the video input and concatenate them".

    No parameter is added, so a pre-training checkpoint fits. Each frame is encoded as an image; the regions of all
    frames form one sequence. ITC compares a text with the frames' mean embedding, and each
    word with the best region of any frame. For ITM the text is located in each frame (a box never spans two
    frames), and the kept regions of all frames are one set. For single images the results are those of SLAN.

    ``inputs`` are (V, m, 3, H, W) for videos, (B, 3, H, W) for images. Training on videos works without momentum
    encoders (``objective.momentum=0``).
    """

    def encode_image(self, inputs: Tensor | Sequence[Tensor]) -> ImageFeatures:
        """Features of images, or joined features of videos (V, m, 3, H, W); see :mod:`slan_mm.models.video`."""
        if not _are_videos(inputs):
            return super().encode_image(inputs)
        return join_frames(super().encode_image(inputs.flatten(0, 1)), inputs.shape[1])

    def prepare_images(self, image: ImageFeatures, many_texts: bool = False) -> ImageFeatures:
        """As SLAN's; videos, which :meth:`locate` takes apart, stay as they are."""
        return image if num_frames(image) is not None else super().prepare_images(image, many_texts)

    def locate(
        self, image: ImageFeatures, text: TextFeatures, pairs: PairIndex | None = None, levels: int | None = None
    ) -> Located:
        """The words of text p in image p, or in all frames of video p; or of the ``pairs`` of either and texts."""
        frames = num_frames(image)
        if frames is None:
            return super().locate(image, text, pairs, levels)
        if pairs is not None:
            image, text = image[pairs.image], text[pairs.text]
        # Every frame of every pair is a pair of its own.
        rows = torch.arange(len(text), device=text.words.device).repeat_interleave(frames)
        return join_located(super().locate(split_frames(image, frames), text[rows], levels=levels), frames)

    def loss(self, inputs: Tensor, data_samples: list) -> dict[str, Tensor]:
        """As SLAN's.

        Raises:
            ValueError: There are videos and momentum encoders.
        """
        if _are_videos(inputs) and self.objective.momentum is not None:
            raise ValueError('momentum encoders read pictures: train on videos with objective.momentum=0')
        return super().loss(inputs, data_samples)

    def predict(self, inputs: Tensor, data_samples: list) -> list:
        """As SLAN's.

        Raises:
            ValueError: There are videos.
        """
        if _are_videos(inputs):
            raise ValueError('videos are retrieved (RetrievalEvaluator); phrases are grounded in pictures only')
        return super().predict(inputs, data_samples)


def _are_videos(inputs: Tensor | Sequence[Tensor]) -> TypeGuard[Tensor]:
    return isinstance(inputs, Tensor) and inputs.dim() == 5
