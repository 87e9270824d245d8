"""SLAN on plain pictures and texts: reading, resizing, normalising, device and evaluation mode are its own business."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from mmengine.dataset import pseudo_collate
from torch import Tensor, nn

from slan_mm.datasets.noun_phrases import mark_phrases
from slan_mm.datasets.pictures import Picture, list_pictures, picture_name, read_picture
from slan_mm.datasets.transforms import PackPairs, ResizeImage
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


class PlainGrounding:
    """What a model that grounds phrases does with a picture and a text."""

    #: (height, width) that pictures are resized to: what the model was trained on. ``init_model`` sets it.
    picture_size: tuple[int, int] | None = None

    def ground(self, picture: Picture, text: str, top: int = 1, score_thr: float | None = None) -> list[dict]:
        """The boxes of the text's phrases in the picture, as :class:`GroundingInferencer` finds them.

        Args:
            picture: A path, an (H, W, 3) uint8 RGB array or a PIL image.
            text: Its phrases stand in brackets, 'a [dog] on the [grass]'; without any they are its noun phrases.
            top, score_thr: The most boxes of a phrase, and their least score.

        Returns:
            Of each phrase ``phrase``, its ``spans`` in the text, ``boxes`` [x1, y1, x2, y2] in pixels, best first, and
            their ``scores``.

        Raises:
            UnreadableImageError: The picture cannot be read.
            ValueError: Brackets are wrong, the text names nothing, or ``picture_size`` is not set.
        """
        marked = mark_phrases(text)
        phrases = [
            dict(spans=spans, boxes=[], category=None, phrase_id=number) for number, spans in enumerate(marked.spans)
        ]
        batch = self._collate([picture], text=marked.text, phrases=phrases)
        with evaluating(self):  # type: ignore[arg-type]
            (sample,) = self(**self.data_preprocessor(batch, False), mode='predict')  # type: ignore[operator, attr-defined]
        return phrase_answers(sample, top, score_thr)

    def _collate(self, pictures: Sequence[Picture], **fields: Any) -> dict:
        """A batch as a data loader makes it, each sample with these ``fields``."""
        if self.picture_size is None:
            raise ValueError(
                'the model does not know the size of its pictures: make it by slan_mm.apis.init_model, or set '
                'model.picture_size = (height, width)'
            )
        resize, pack = ResizeImage(self.picture_size), PackPairs()
        items = []
        for number, picture in enumerate(pictures):
            image = read_picture(picture)
            name = picture_name(picture, number)
            item = dict(img=image, ori_shape=image.shape[:2], img_path=name, image_id=name, sample_id=name, **fields)
            items.append(pack(resize(item)))
        return pseudo_collate(items)


class PlainInputs(PlainGrounding):
    """What a pre-trained model does with pictures and texts.

    Pictures are a path, an (H, W, 3) uint8 RGB array, a PIL image, several of these, or a folder; texts one or several.
    Results are on the model's device. ``batch_size`` changes none of them.
    """

    def embed_images(self, pictures: Picture | Sequence[Picture], batch_size: int = 32) -> Tensor:
        """ITC's unit vectors (B, E). Their products with texts' are cosines, the cheapest score there is.

        Raises:
            UnreadableImageError: A picture cannot be read.
            ValueError: There is none, or ``picture_size`` is not set.
        """
        return self._image_features(pictures, batch_size).embedding

    def embed_texts(self, texts: str | Sequence[str], batch_size: int = 32) -> Tensor:
        """ITC's unit vectors (T, E).

        Raises:
            ValueError: There is no text, or one is empty.
        """
        return self._text_features(texts, batch_size).embedding

    def similarity(
        self,
        pictures: Picture | Sequence[Picture],
        texts: str | Sequence[str],
        itm_weight: float = 1.0,
        batch_size: int = 32,
    ) -> Tensor:
        """The score (B, T) of every picture and every text, as :class:`RetrievalInferencer` ranks by it.

        It is the mixed score of ITC and region-word terms plus ``itm_weight`` x the ITM logit. ITM looks at every pair;
        with weight 0 it is left out, which is faster by far. A score compares candidates and means nothing alone.

        Raises:
            UnreadableImageError: A picture cannot be read.
            ValueError: There is no picture or text, a text is empty, or ``picture_size`` is not set.
        """
        image, text = self._image_features(pictures, batch_size), self._text_features(texts, batch_size)
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

    def _image_features(self, pictures: Picture | Sequence[Picture], batch_size: int) -> ImageFeatures:
        files, parts = list_pictures(pictures), []
        with evaluating(self):  # type: ignore[arg-type]
            for start in range(0, len(files), batch_size):
                batch = self._collate(files[start : start + batch_size])
                parts.append(self.encode_image(self.data_preprocessor(batch, False)['inputs']))  # type: ignore[attr-defined]
        return ImageFeatures.cat(parts)

    def _text_features(self, texts: str | Sequence[str], batch_size: int) -> TextFeatures:
        texts = [texts] if isinstance(texts, str) else list(texts)
        if not texts or not all(text.strip() for text in texts):
            raise ValueError(f'texts must be at least one, and none empty, got {texts}')
        with evaluating(self):  # type: ignore[arg-type]
            parts = [self.encode_text(texts[start : start + batch_size]) for start in range(0, len(texts), batch_size)]  # type: ignore[attr-defined]
        return TextFeatures.cat(parts)
