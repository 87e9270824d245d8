"""The cascade on the images of an index and one text: from those nearest by ITC to the final order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from slan_mm.apis.index_parts import Found
from slan_mm.apis.picture_table import IndexedPicture
from slan_mm.evaluation.cascade import Cascade, Stage, in_order, itm_stages
from slan_mm.pair_index import PairIndex
from slan_mm.structures import ImageFeatures, TextFeatures


class KnownPicture(NamedTuple):
    """An image and its features for ITM."""

    picture: IndexedPicture
    features: ImageFeatures


class Ranked(NamedTuple):
    """An image's ``place`` among those that were ranked, its final score and its ITM logit."""

    place: int
    score: float
    itm: float


def batches(known: Sequence[KnownPicture], text: TextFeatures, size: int) -> Iterator[tuple[ImageFeatures, Tensor]]:
    """Features of images, some at a time, and as many zeros: the row of their one text."""
    for start in range(0, len(known), size):
        image = ImageFeatures.cat([features for _, features in known[start : start + size]])
        image = image.to(text.embedding.device, text.embedding.dtype)
        yield image, torch.zeros(len(image), dtype=torch.long, device=text.embedding.device)


def shortlisted(model: Any, near: Found, text: TextFeatures, k: int) -> list[IndexedPicture]:
    """The ``k`` best of ``near`` by the mixed score of their summaries, best first."""
    image = near.summary.features().to(text.embedding.device, text.embedding.dtype)
    scores = model.shortlist_scores(image, text)[:, 0].float().cpu().numpy()
    stage = Stage(np.arange(len(near.pictures))[None], scores[None])
    return [near.pictures[place] for place in stage.best(k)[0]]


def ranked_by_itm(
    model: Any,
    cascade: Cascade,
    known: Sequence[KnownPicture],
    text: TextFeatures,
    itm_weight: float,
    batch_size: int,
) -> list[Ranked]:
    """The images ranked by the mixed score of all regions + ``itm_weight`` * ITM, best first."""
    if not known:
        return []
    logits = np.empty(len(known))

    def itm(lists: Sequence[np.ndarray], levels: int | None) -> list[np.ndarray]:
        places, values = lists[0][0], []
        options = {} if levels is None else {'levels': levels}
        for image, same in batches([known[place] for place in places], text, batch_size):
            pairs = PairIndex(torch.arange(len(same), device=same.device), same)
            values.append(model.itm_scores(image.for_pairs(), text, pairs, **options))
        logits[places] = torch.cat(values).float().cpu().numpy()
        return [logits[places][None]]

    mixed = [model.shortlist_scores(image, text)[:, 0] for image, _ in batches(known, text, batch_size)]
    scores = torch.cat(mixed).float().cpu().numpy()
    short = Stage(np.arange(len(known))[None], scores[None])
    (stages,) = itm_stages(cascade, [short], itm, itm_weight)
    order = in_order(short.candidates, stages)[0].tolist()
    return [Ranked(place, float(scores[place] + itm_weight * logits[place]), float(logits[place])) for place in order]
