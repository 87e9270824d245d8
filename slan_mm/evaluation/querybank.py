"""Querybank normalisation: no text is the answer to every picture, no picture to every text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from mmengine.dist import all_gather_object
from mmengine.logging import print_log
from mmengine.runner import Runner

from slan_mm.evaluation.gallery import Gallery, encode_gallery, place_of
from slan_mm.progress import Progress


class Querybank:
    """What queries in general think of each candidate, and by how much that lowers its scores.

    "A dog runs" fits all pictures of dogs better than most of their own texts do: a hub. A bank of queries that are
    not the evaluation's own, e.g. of the training split, tells hubs from answers (Bogolin et al., CVPR 2022). With
    queries q of the bank a candidate c loses ``weight * logsumexp_q score(q, c)``. With weight 1/2 and the evaluation's
    queries as bank the score would be, up to what a query's candidates have in common, the logarithm of the geometric
    mean of both softmaxes: over the candidates of the query, and over the queries of the candidate.

    The evaluation's own queries take no part, so that no query's result depends on the others.

    Args:
        dataloader: config of the bank's loader, or a loader: pictures with their texts, as retrieval's loaders give.
        weight: see above; 0 changes nothing.
    """

    def __init__(self, dataloader: Any, weight: float = 0.5) -> None:
        if weight < 0:
            raise ValueError(f'Querybank: weight must not be negative, got {weight}.')
        self.dataloader = dataloader
        self.weight = weight

    def biases(
        self,
        model: Any,
        gallery: Gallery,
        image_chunk: int,
        text_chunk: int,
        dtype: torch.dtype | None = None,
    ) -> tuple[np.ndarray, np.ndarray]:
        """What is taken from the scores of the gallery's N images and of its M texts: (N,) and (M,) float32.

        Args:
            model, dtype: see :func:`slan_mm.evaluation.gallery.encode_gallery`.
            gallery: with its features.
            image_chunk, text_chunk: images and texts scored together.

        Raises:
            ValueError: the bank is empty or a sample of it has no text.
        """
        if isinstance(self.dataloader, Mapping):
            self.dataloader = Runner.build_dataloader(dict(self.dataloader))
        bank = encode_gallery(model, self.dataloader, dtype)
        print_log(f'Querybank: {len(bank.image_ids)} images and {len(bank.texts)} texts.', 'current')
        chunks = image_chunk, text_chunk
        own, of_images, _ = _log_sums(model, gallery, bank, *chunks, 'Texts of the bank, images')
        _, _, of_texts = _log_sums(model, bank, gallery, *chunks, 'Images of the bank')
        image_bias = np.empty(len(gallery.image_ids))
        for own_of_rank, sums in all_gather_object((own, of_images)):
            image_bias[own_of_rank] = sums
        # One logarithm over the images of all ranks.
        text_bias = np.logaddexp.reduce(all_gather_object(of_texts), axis=0)
        return (self.weight * image_bias).astype(np.float32), (self.weight * text_bias).astype(np.float32)


def _log_sums(
    model: Any, images: Gallery, texts: Gallery, image_chunk: int, text_chunk: int, what: str
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of the scores of this rank's ``images`` with all ``texts``: which images (n,), logsumexp over the texts for each,
    (n,), and over these images for each text, (M,)."""
    place, own = place_of(model), images.own
    of_images, of_texts = np.full(len(own), -np.inf), np.full(len(texts.texts), -np.inf)
    with Progress(what, len(own)) as progress:
        for rows, image in images.image_chunks(image_chunk, *place):
            for columns, text in texts.text_chunks(text_chunk, *place):
                score = model.shortlist_scores(image, text).double().cpu().numpy()
                of_images[rows] = np.logaddexp(of_images[rows], np.logaddexp.reduce(score, axis=1))
                of_texts[columns] = np.logaddexp(of_texts[columns], np.logaddexp.reduce(score, axis=0))
            progress.step(rows.stop - rows.start)
    return own, of_images, of_texts
