"""A baseline of captioning that writes nothing: the caption of the most similar training image."""

from __future__ import annotations

from typing import Any

import torch
from mmengine.dataset import pseudo_collate
from torch import Tensor

from slan_mm.models.slan import SLAN
from slan_mm.registry import DATASETS, MODELS

#: Training images that are encoded together.
BATCH = 50


@MODELS.register_module()
class NearestCaptioner(SLAN):
    """Adds ``pred_caption``, a caption of the image of ``gallery`` whose ITC embedding is the most similar, and
    ``pred_score``, their cosine. It trains as SLAN does; the gallery is encoded anew with other weights.

    Args:
        gallery: Config of a data set of images with a caption each, that of training; encoded at the first prediction.
        slan: What :class:`SLAN` takes.
    """

    scores_mean = 'The cosine of the two images.'
    grounds_phrases = False

    def __init__(self, gallery: dict, **slan: Any) -> None:
        super().__init__(**slan)
        self.gallery = gallery
        self._known: tuple[Tensor, list[str]] | None = None
        self.register_load_state_dict_pre_hook(_forget)

    def train(self, mode: bool = True) -> NearestCaptioner:
        """Sets the mode; weights that train are others afterwards."""
        if mode:
            self._known = None
        super().train(mode)
        return self

    def _embed(self, inputs: Tensor) -> Tensor:
        return torch.nn.functional.normalize(self.encode_image(inputs).embedding.float(), dim=1)

    def _read_gallery(self) -> tuple[Tensor, list[str]]:
        dataset = DATASETS.build(self.gallery)
        embeddings, captions = [], []
        for start in range(0, len(dataset), BATCH):
            batch = pseudo_collate([dataset[index] for index in range(start, min(start + BATCH, len(dataset)))])
            embeddings.append(self._embed(self.data_preprocessor(batch)['inputs']))
            captions += [sample.text for sample in batch['data_samples']]
        return torch.cat(embeddings), captions

    @torch.no_grad()
    def predict(self, inputs: Tensor, data_samples: list) -> list:
        if self._known is None:
            self._known = self._read_gallery()
        embeddings, captions = self._known
        own = self._embed(inputs)
        scores, nearest = (own @ embeddings.to(own.device).T).max(dim=1)
        for sample, score, index in zip(data_samples, scores.tolist(), nearest.tolist(), strict=True):
            sample.set_field(captions[index], 'pred_caption')
            sample.set_field(score, 'pred_score')
        return data_samples


def _forget(captioner: NearestCaptioner, *_: Any) -> None:
    captioner._known = None
