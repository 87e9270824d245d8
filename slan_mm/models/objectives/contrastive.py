"""Contrastive losses: image-text (ITC, Eq. 5-6) and region-word."""

from __future__ import annotations

import math

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn
from torch.nn.functional import log_softmax

from slan_mm.models.dist import gather, gather_padded, local_rows
from slan_mm.models.objectives.best_regions import best_regions
from slan_mm.models.objectives.queue import FeatureQueue
from slan_mm.registry import MODELS


def positives(ids: Tensor, other_ids: Tensor) -> Tensor:
    """The target distribution of each row: uniform over the columns of the same image. (B,), (N,) to (B, N)."""
    same = (ids[:, None] == other_ids[None]).float()
    return same / same.sum(1, keepdim=True)


def soft_cross_entropy(logits: Tensor, target: Tensor) -> Tensor:
    """Mean over rows of the cross-entropy of ``logits`` (B, N) with the distributions ``target`` (B, N)."""
    return -(target * log_softmax(logits.float(), dim=1)).sum(1).mean()


class Temperature(nn.Module):
    """A learnable temperature, kept as the logarithm of its inverse, and within [0.01, 1].

    ``largest`` is the greatest logarithm of the inverse.
    """

    def __init__(self, initial: float = 0.07) -> None:
        super().__init__()
        self.log_scale = nn.Parameter(torch.tensor(-math.log(initial)))
        self.largest = math.log(100)

    def forward(self) -> Tensor:
        """1 / temperature."""
        # Cut in place, not in the graph: a clamp has no gradient beyond its bounds, and nothing would bring it back.
        with torch.no_grad():
            self.log_scale.clamp_(0, self.largest)
        return self.log_scale.exp()


@MODELS.register_module()
class ITCLoss(BaseModule):
    """Image-text contrastive loss with queues (Eq. 5-6).

    The candidates of a row are the batch, gathered over ranks, and a queue of the latest samples. Candidates of the
    same image are positives. With momentum features, these are the candidates, and the targets may be softened by
    them, as in ALBEF.

    Args:
        embed_dims: Width E of the embeddings.
        queue_size: Length of the two queues; 0 for none.
        temperature: Initial temperature.
        distill: Share of ALBEF's soft targets, used only with momentum features.
    """

    def __init__(
        self,
        embed_dims: int,
        queue_size: int = 0,
        temperature: float = 0.07,
        distill: float = 0.0,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        self.temperature = Temperature(temperature)
        self.distill = distill
        self.queue = FeatureQueue(embed_dims, queue_size) if queue_size else None

    def similarity(self, image: Tensor, text: Tensor) -> Tensor:
        """sim(I, T) / temperature of unit vectors (B, E) and (N, E): (B, N).

        Always in full precision: in half of it, cosines that differ little are equal, and so are ranks.
        """
        with torch.autocast(image.device.type, enabled=False):
            return image.float() @ text.float().t() * self.temperature()

    def forward(
        self,
        image: Tensor,
        text: Tensor,
        ids: Tensor,
        momentum: tuple[Tensor, Tensor] | None = None,
        target: Tensor | None = None,
    ) -> Tensor:
        """``image``, ``text`` (B, E), row-wise pairs; ``ids`` (B,), the images' ids; ``momentum``: the same two
        embeddings by the momentum encoders; ``target`` (B, B * ranks): distributions in place of
        :func:`positives`, which no queue has."""
        key_image, key_text = momentum or (image, text)
        all_image, all_text, all_ids = gather(key_image), gather(key_text), gather(ids)
        batch = all_image.detach(), all_text.detach(), all_ids
        if self.queue is not None:
            queue_image, queue_text, queue_ids = self.queue.content()
            all_image, all_text = torch.cat([all_image, queue_image]), torch.cat([all_text, queue_text])
            all_ids = torch.cat([all_ids, queue_ids])
        target = positives(ids, all_ids) if target is None else target
        loss = image.new_zeros((), dtype=torch.float32)
        for query, key, candidates in ((image, key_image, all_text), (text, key_text, all_image)):
            row_target = target
            if momentum is not None and self.distill:
                soft = self.similarity(key, candidates).detach().float().softmax(1)
                row_target = self.distill * soft + (1 - self.distill) * target
            loss = loss + soft_cross_entropy(self.similarity(query, candidates), row_target)
        if self.queue is not None and self.training:
            self.queue.push(*batch)
        return loss


def region_word_scores(
    regions: Tensor, words: Tensor, word_mask: Tensor, weight: Tensor | None = None, bias: Tensor | None = None
) -> Tensor:
    """score(I, T) = mean over words of the maximum over regions of their cosine.

    ``regions`` (B, R, C) and ``words`` (T, NT, C) unit vectors; ``word_mask`` (T, NT), True at words; ``weight``
    (T, NT), positive, of each word in the mean, and ``bias`` (T, NT), taken from its maximum. Returns (B, T).
    """
    similarity = best_regions(regions, words).float()
    weights = word_mask.float() if weight is None else word_mask.float() * weight
    if bias is not None:
        similarity = similarity - bias
    return (similarity * weights).sum(-1) / weights.sum(-1).clamp(min=1e-6)


@MODELS.register_module()
class RegionWordLoss(BaseModule):
    """Contrastive loss on :func:`region_word_scores`, in batch, both directions. It grounds words in regions.

    It reads ALL regions, before any filter: filtered ones would get no gradient.

    Args:
        temperature: Initial temperature.
    """

    def __init__(self, temperature: float = 0.07, init_cfg: dict | None = None) -> None:
        super().__init__(init_cfg)
        self.temperature = Temperature(temperature)

    def similarity(self, regions: Tensor, words: Tensor, word_mask: Tensor) -> Tensor:
        """Scores / temperature, (B, T)."""
        return region_word_scores(regions, words, word_mask) * self.temperature()

    def forward(
        self, regions: Tensor, words: Tensor, word_mask: Tensor, ids: Tensor, target: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """The loss, and the scores of this rank's images with all texts, (B, B * ranks), scaled.

        ``target`` (B, B * ranks): distributions in place of :func:`positives`.
        """
        all_ids = gather(ids)
        to_text = self.similarity(regions, gather_padded(words), gather_padded(word_mask))
        # Own texts with all images: scores are gathered, many times smaller than regions, and computed once.
        to_image = gather(to_text)[:, local_rows(len(ids))].t()
        target = positives(ids, all_ids) if target is None else target
        return soft_cross_entropy(to_text, target) + soft_cross_entropy(to_image, target), to_text


@MODELS.register_module()
class CalibratedRegionWordLoss(RegionWordLoss):
    """Predicts each word's weight in the mean and its usual cosine.

    'And' names nothing, and a word with a good region in every image distinguishes none.

    Args:
        word_dims: Width C of the words. All start with weight 1 and a usual cosine of 0.
        temperature: Initial temperature.
    """

    def __init__(self, word_dims: int, temperature: float = 0.07, init_cfg: dict | None = None) -> None:
        super().__init__(temperature, init_cfg)
        self.calibration = nn.Linear(word_dims, 2)
        nn.init.zeros_(self.calibration.weight)
        nn.init.zeros_(self.calibration.bias)

    def word_calibration(self, words: Tensor) -> tuple[Tensor, Tensor]:
        """The weight, over 0, and the usual cosine of each of ``words`` (..., C)."""
        log_weight, bias = self.calibration(words).float().unbind(-1)
        return log_weight.exp(), bias

    def similarity(self, regions: Tensor, words: Tensor, word_mask: Tensor) -> Tensor:
        weight, bias = self.word_calibration(words)
        return region_word_scores(regions, words, word_mask, weight, bias) * self.temperature()
