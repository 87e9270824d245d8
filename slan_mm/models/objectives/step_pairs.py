"""The pairs of a training step: positives, pairs with masked texts, and hard negatives, from the batch of all ranks."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from slan_mm.models.dist import gather, gather_record, local_rows, seeded_uniform
from slan_mm.models.objectives.matching import Negatives, draw_negatives
from slan_mm.pair_index import PairIndex
from slan_mm.structures import ImageFeatures, Located, TextFeatures


def image_ids(samples: Sequence, device: torch.device) -> Tensor:
    """The samples' ``image_id`` strings as 63-bit numbers (B,), the same on every machine."""
    digests = [hashlib.blake2b(str(sample.image_id).encode(), digest_size=8).digest() for sample in samples]
    return torch.tensor([int.from_bytes(digest, 'big') >> 1 for digest in digests], device=device)


@dataclass
class StepPairs:
    """The pairs that a training step locates in one batch: B positives, B with masked texts, B with negative texts and
    B with negative images.

    The first ``each`` pairs are of the first image: with its own text, with this text masked, with a hard negative
    text, as far as these are needed. Then come those of the second image, and so on; last, each text with a hard
    negative image.

    - ``images``, ``texts``: features of the pairs: B images, then B negative ones; texts of all ranks if negatives come
      from all.
    - ``index``: the pairs.
    - ``count``: B; ``each``: pairs of each own image.
    - ``negatives``: which ones; None where there are none.
    """

    images: ImageFeatures
    texts: TextFeatures
    index: PairIndex
    count: int
    each: int
    negatives: Negatives | None

    def _kind(self, located: Located, place: int) -> Located:
        return located[place : self.each * self.count : self.each]

    def positive(self, located: Located) -> Located:
        """The B positives of all P ``located`` pairs."""
        return self._kind(located, 0)

    def masked_words(self, located: Located) -> Tensor:
        """The words (B, NT, D) of the pairs with masked texts."""
        return self._kind(located, 1).words

    def matched(self, located: Located) -> Located:
        """The 3B pairs of ITM: B positives, B negative texts, B negative images."""
        negative_texts, negative_images = self._kind(located, self.each - 1), located[self.each * self.count :]
        return Located.cat([self.positive(located), negative_texts, negative_images])


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
        images, texts = image.for_pairs(), text
        own = torch.arange(count, device=device)
        if negatives is not None and self.negatives_from_all_ranks:
            images, texts = gather_record(images), gather_record(texts, padded=True)
            own = torch.arange(len(images), device=device)[local_rows(count)]
        partners = [own]
        if masked is not None:
            partners.append(len(texts) + torch.arange(count, device=device))
            texts = TextFeatures.cat([texts, masked])
        if negatives is not None:
            partners.append(negatives.text)
            images = images[torch.cat([own, negatives.image])]
        each, extra = len(partners), 0 if negatives is None else count
        rows = torch.arange(count, device=device)
        index = PairIndex(
            torch.cat([rows.repeat_interleave(each), count + rows[:extra]]),
            torch.cat([torch.stack(partners, dim=1).flatten(), own[:extra]]),
            [each] * count + [1] * extra,
        )
        return StepPairs(images, texts, index, count, each, negatives)
