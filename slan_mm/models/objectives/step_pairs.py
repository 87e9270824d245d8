"""The pairs of a training step: positives, pairs with masked texts, and hard negatives, from the batch of all ranks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from slan_mm.models.dist import gather, gather_record, local_rows, seeded_uniform
from slan_mm.pair_index import PairIndex
from slan_mm.structures import ImageFeatures, TextFeatures


class Negatives(NamedTuple):
    """A hard negative text and a hard negative image for each of B pairs.

    ``text``, ``image`` (B,) rows of the texts and images that negatives come from; ``valid`` (2B,), texts' then
    images', False where a pair has none; ``lead`` (2B,), how much higher the pair's own mixed score is than the
    negative's.
    """

    text: Tensor
    image: Tensor
    valid: Tensor
    lead: Tensor


@dataclass
class StepPairs:
    """The pairs that a training step locates in one batch: B positives, B with masked texts, B with negative texts and
    B with negative images.

    Of each image its pairs stand together: with its own text, with this text masked, with a hard negative text, as far
    as these are needed. Last comes each text with a hard negative image. The slices find them again in what is located.

    - ``images``, ``texts``: features of the pairs: B images, then B negative ones; texts of all ranks if negatives come
      from all.
    - ``index``: the pairs.
    - ``positive``: the B positives; ``masked``: the B pairs with masked texts, None where there are none.
    - ``matched``: the 3B pairs of ITM: B positives, B negative texts, B negative images.
    - ``negatives``: which ones; None where there are none.
    """

    images: ImageFeatures
    texts: TextFeatures
    index: PairIndex
    positive: slice
    masked: slice | None
    matched: tuple[slice, slice, slice]
    negatives: Negatives | None


def draw_negatives(similarity: Tensor, same: Tensor, uniform: Tensor) -> tuple[Tensor, Tensor]:
    """For each row a column, drawn with probability softmax(similarity), never one of the same image.

    ``similarity`` (B, N) logits; ``same`` (B, N), True where column and row are of one image; ``uniform`` (B,) numbers
    in [0, 1) that decide the draw. Returns the columns (B,) and ``valid`` (B,), False where a row has no negative.
    """
    weight = similarity.float().masked_fill(same, -torch.inf).softmax(1).nan_to_num(0.0)
    cumulative = weight.double().cumsum(1)
    total = cumulative[:, -1:]
    column = torch.searchsorted(cumulative, uniform.double()[:, None] * total, right=True).squeeze(1)
    column = column.clamp(max=similarity.shape[1] - 1)
    # Rounding may land on a column of weight zero, a true pair: the likeliest negative stands in.
    unlucky = weight.gather(1, column[:, None]).squeeze(1) == 0
    column = torch.where(unlucky, weight.argmax(1), column)
    return column, ~same.all(1)


class PairSampler:
    """Draws hard negatives, by seed and iteration alone, and makes the pairs of a step.

    Args:
        hardness: Factor of the scores before negatives are drawn by their softmax.
        negatives_from_all_ranks: Whether hard negatives come from the gathered batch.
        seed: Of the negatives.
    """

    def __init__(
        self,
        hardness: float = 1.0,
        negatives_from_all_ranks: bool = True,
        seed: int = 0,
    ) -> None:
        self.hardness = hardness
        self.negatives_from_all_ranks = negatives_from_all_ranks
        self.seed = seed

    def negatives(self, iteration: int, scores: Tensor, ids: Tensor) -> Negatives:
        """For each own pair a hard negative text and a hard negative image.

        They are rows of the gathered batch, or of the rank's own without ``negatives_from_all_ranks``. ``scores``
        (B, B * ranks) are mixed ones, of own images with all texts.
        """
        count = len(ids)
        scores, all_ids, own = gather(scores), gather(ids), local_rows(count)
        same = all_ids[:, None] == all_ids[None]
        if not self.negatives_from_all_ranks:
            rank = torch.arange(len(all_ids), device=ids.device) // count
            same = same | (rank[:, None] != rank[None])
        uniform = seeded_uniform(self.seed, iteration, 0, (2, len(all_ids)), ids.device)
        text, has_text = draw_negatives(scores * self.hardness, same, uniform[0])
        image, has_image = draw_negatives(scores.t() * self.hardness, same, uniform[1])
        rows = torch.arange(len(all_ids), device=ids.device)[own]
        negative = torch.stack([scores[rows, text[own]], scores[image[own], rows]])
        lead = (scores.diagonal()[own] - negative).flatten()
        # A row that stands in where there is no negative may be another rank's.
        first = 0 if self.negatives_from_all_ranks else own.start
        text, image = (text[own] - first).clamp(min=0), (image[own] - first).clamp(min=0)
        return Negatives(text, image, torch.cat([has_text[own], has_image[own]]), lead)

    def pairs(
        self, image: ImageFeatures, text: TextFeatures, masked: TextFeatures | None, negatives: Negatives | None
    ) -> StepPairs:
        """The pairs of B images and their texts, of these and their ``masked`` texts, and with their ``negatives``."""
        count, device = len(image), image.saliency.device
        images, texts, local = image.for_pairs(), text, slice(None)
        if negatives is not None and self.negatives_from_all_ranks:
            images, texts, local = gather_record(images), gather_record(texts, padded=True), local_rows(count)
        own = torch.arange(len(images), device=device)[local]
        partners = [own]
        if masked is not None:
            partners.append(len(texts) + torch.arange(count, device=device))
            texts = TextFeatures.cat([texts, masked])
        if negatives is not None:
            partners.append(negatives.text)
            images = ImageFeatures.cat([images[local], images[negatives.image]])
        each, extra = len(partners), 0 if negatives is None else count
        rows = torch.arange(count, device=device)
        index = PairIndex(
            torch.cat([rows.repeat_interleave(each), count + rows[:extra]]),
            torch.cat([torch.stack(partners, dim=1).flatten(), own[:extra]]),
            [each] * count + [1] * extra,
        )
        own_pairs = count * each
        # One kind alone where nothing is masked and no negatives are drawn yet.
        kinds = [slice(place, own_pairs, each) for place in range(each)]
        return StepPairs(
            images,
            texts,
            index,
            positive=kinds[0],
            masked=None if masked is None else kinds[1],
            matched=(kinds[0], kinds[-1], slice(own_pairs, None)),
            negatives=negatives,
        )
