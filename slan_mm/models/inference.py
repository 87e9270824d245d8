"""SLAN on files, arrays and strings: the processor reads them, and device and evaluation mode are set."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from slan_mm.arguments import checked
from slan_mm.models import protocols
from slan_mm.models.phrase_grounding import phrase_answers
from slan_mm.pair_index import PairIndex
from slan_mm.structures import ImageFeatures, TextFeatures


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Evaluation mode without gradients; afterwards the mode is what it was."""
    training = model.training
    model.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        model.train(training)


class GroundingInference:
    """Phrase grounding of an image and a text."""

    #: What reads pictures and texts. ``init_model`` sets it.
    processor: protocols.Processor | None = None

    @checked
    def ground(self, picture: Any, text: str, top: int | None = None, score_thr: float | None = None) -> list[dict]:
        """The boxes of the text's phrases in the image, as :class:`GroundingInferencer` finds them.

        Args:
            picture: A path, an (H, W, 3) uint8 RGB array or a PIL image.
            text: Its phrases stand in brackets, 'a [dog] on the [grass]'; without any they are its noun phrases.
            top, score_thr: The most boxes of a phrase (None: see :func:`shown_boxes`), and their least score; of a
                model that tells ``present``, the least probability that the thing is there.

        Returns:
            Of each phrase ``phrase``, its ``spans`` in the text, ``boxes`` [x1, y1, x2, y2] in pixels, best first, and
            their ``scores``; of a model that ``tools/calibrate.py`` has written ``present``, the probability that the
            thing is there. One that the text encoder did not read has none, and ``unread``, the reason.

        Raises:
            UnreadableImageError: The image cannot be read.
            ValueError: Brackets are wrong, the text names nothing, or the model has no ``processor``.
        """
        batch = self._processor().phrases(picture, text)
        with evaluating(self):  # type: ignore[arg-type]
            (sample,) = self(**self.data_preprocessor(batch, False), mode='predict')  # type: ignore[operator, attr-defined]
        return phrase_answers(sample, top, score_thr)

    def _processor(self) -> protocols.Processor:
        if self.processor is None:
            raise ValueError(
                'the model does not know how to read pictures: make it by slan_mm.apis.init_model, or set '
                'model.processor = slan_mm.apis.Processor((height, width))'
            )
        return self.processor


def weight_of_itm(model: Any, asked: float | None = None) -> float:
    """ITM's weight in the final score: ``asked``; None: that of ``score_weights``, 1 where the model has none."""
    if asked is not None:
        return asked
    weights = getattr(model, 'score_weights', None)
    return 1.0 if weights is None else float(weights.itm)


class RetrievalInference(GroundingInference):
    """Embeddings and scores of images and texts.

    Images are a path, an (H, W, 3) uint8 RGB array, a PIL image, several of these, or a folder; texts one or several.
    Results are on the model's device. ``batch_size`` changes none of them.
    """

    @checked
    def embed_images(self, pictures: Any, batch_size: int = 32) -> Tensor:
        """ITC's unit vectors (B, E). Their products with those of texts are cosines, the cheapest score.

        Raises:
            UnreadableImageError: An image cannot be read.
            ValueError: There is none, or the model has no ``processor``.
        """
        return self._image_features(pictures, batch_size).embedding

    @checked
    def embed_texts(self, texts: str | Sequence[str], batch_size: int = 32) -> Tensor:
        """ITC's unit vectors (T, E).

        Raises:
            ValueError: There is no text, or one is empty.
        """
        return self._text_features(texts, batch_size).embedding

    def weight_of_itm(self, asked: float | None = None) -> float:
        """See the function."""
        return weight_of_itm(self, asked)

    @checked
    def similarity(
        self,
        pictures: Any,
        texts: str | Sequence[str],
        itm_weight: float | None = None,
        batch_size: int = 32,
    ) -> Tensor:
        """The score (B, T) of every image and every text, as :class:`RetrievalInferencer` ranks by it.

        It is the mixed score of ITC and region-word terms plus ``itm_weight`` x the ITM logit, None: the model's own
        weight (:meth:`weight_of_itm`). ITM looks at every pair; with weight 0 it is left out, which is faster by far. A
        score compares candidates and means nothing alone.

        Raises:
            UnreadableImageError: An image cannot be read.
            ValueError: There is no image or text, a text is empty, or the model has no ``processor``.
        """
        image, text = self._image_features(pictures, batch_size), self._text_features(texts, batch_size)
        itm_weight = self.weight_of_itm(itm_weight)
        with evaluating(self):  # type: ignore[arg-type]
            scores = self.shortlist_scores(image, text).float()  # type: ignore[attr-defined]
            if not itm_weight:
                return scores
            every = PairIndex.all_pairs(len(image), len(text), scores.device)
            logits = []
            for rows, columns in zip(every.image.split(batch_size), every.text.split(batch_size), strict=True):
                pairs, images, words = PairIndex.among(rows, columns)
                logits.append(self.itm_scores(image[images].for_pairs(), text[words], pairs))  # type: ignore[attr-defined]
            return scores + itm_weight * torch.cat(logits).view_as(scores)

    def _image_features(self, pictures: Any, batch_size: int) -> ImageFeatures:
        parts = []
        with evaluating(self):  # type: ignore[arg-type]
            for batch in self._processor().batches(pictures, batch_size):
                parts.append(self.encode_image(self.data_preprocessor(batch, False)['inputs']))  # type: ignore[attr-defined]
        return ImageFeatures.cat(parts)

    def _text_features(self, texts: str | Sequence[str], batch_size: int) -> TextFeatures:
        texts = [texts] if isinstance(texts, str) else list(texts)
        with evaluating(self):  # type: ignore[arg-type]
            parts = [self.encode_text(texts[start : start + batch_size]) for start in range(0, len(texts), batch_size)]  # type: ignore[attr-defined]
        return TextFeatures.cat(parts)
