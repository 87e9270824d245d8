"""The region filter: keep the few regions that matter (section 3.2.2, Table 6)."""

from __future__ import annotations

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn

from slan_mm.models.locator.boxes import pairwise_iou
from slan_mm.pair_index import PairIndex
from slan_mm.registry import MODELS


def select_regions(saliency: Tensor, top: int | None, threshold: float | None) -> tuple[Tensor, Tensor, Tensor]:
    """Steps (a) to (d) of the region filter.

    (a) scores ``saliency`` (P, Nq), positive, are divided by their row's maximum; (b) sorted; (c) kept above
    ``threshold`` h (None: no threshold); (d) at most ``top`` T (None: all). The best region is always kept.

    Returns ``index`` (P, NG) into the Nq regions by falling score, ``score`` (P, NG) normalised, and ``mask``
    (P, NG), True at kept regions, with NG = min(T, Nq).
    """
    normalised = saliency / saliency.amax(dim=1, keepdim=True).clamp(min=torch.finfo(saliency.dtype).tiny)
    count = saliency.shape[1] if top is None else min(top, saliency.shape[1])
    score, index = normalised.topk(count, dim=1)
    mask = torch.ones_like(score, dtype=torch.bool) if threshold is None else score > threshold
    mask[:, 0] = True
    return index, score, mask


@torch.no_grad()
def distinct_regions(saliency: Tensor, boxes: Tensor, top: int, max_overlap: float, pairs: PairIndex) -> Tensor:
    """Greedy non-maximum suppression: the ``top`` most salient regions, none over ``max_overlap`` IoU with a better.

    ``saliency`` (P, Nq), positive; ``boxes`` (B, Nq, 4) of the pairs' images. Returns (P, Nq), True at those regions.
    """
    overlaps = pairwise_iou(boxes) > max_overlap
    remaining = saliency
    chosen = torch.zeros_like(saliency, dtype=torch.bool)
    regions = torch.arange(saliency.shape[1], device=saliency.device)
    for _ in range(top):
        score, best = remaining.max(dim=1)
        place = best[:, None] == regions
        chosen = chosen | (place & (score >= 0)[:, None])
        remaining = remaining.masked_fill(overlaps[pairs.image, best] | place, -1.0)
    return chosen


@MODELS.register_module()
class RegionFilter(BaseModule):
    """Scores regions by their best word, keeps the best and weights them by their score.

    Args:
        top: T, the most regions kept; None keeps all.
        threshold: h on the normalised score; None keeps the top T whatever their score, the second row of Table 6;
            h = 0.3 and 0.5 are its last two.
        max_overlap: Regions that overlap a more salient one by more than this IoU are left out before (b): several
            proposals of one object would displace the others. None is the paper's filter.
    """

    #: Whether saliency is read from the words (the abstract's "aggregating cross-modal information").
    conditioned = True

    def __init__(
        self,
        top: int | None = 20,
        threshold: float | None = 0.3,
        max_overlap: float | None = None,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        if threshold is not None and not 0 <= threshold < 1:
            raise ValueError(f'threshold must be in [0, 1), got {threshold}: scores are normalised to a maximum of 1')
        self.top = top
        self.threshold = threshold
        self.max_overlap = max_overlap
        # A region half-similar to its best word starts at even odds.
        self.scale = nn.Parameter(torch.tensor(8.0))
        self.bias = nn.Parameter(torch.tensor(-4.0))

    def saliency_logits(self, similarity: Tensor, word_mask: Tensor) -> Tensor:
        """Language-conditioned saliency: a logit from the best word of each region.

        ``similarity`` (P, Nq, NT) cosine of regions and words; ``word_mask`` (P, NT), True at words, one at
        least. Returns (P, Nq).
        """
        best = similarity.masked_fill(~word_mask[:, None], -torch.inf).amax(dim=-1)
        return self.scale * best + self.bias

    def forward(self, logits: Tensor, boxes: Tensor, pairs: PairIndex) -> tuple[Tensor, Tensor, Tensor]:
        """Saliency ``logits`` (P, Nq) to (index, weight, mask), each (P, NG).

        See :func:`select_regions`; ``weight``, by which regions are multiplied, is the normalised score. ``boxes`` G_0
        (B, Nq, 4) of the pairs' images are read with ``max_overlap`` only.
        """
        saliency = logits.float().sigmoid()
        if self.max_overlap is not None:
            distinct = distinct_regions(saliency, boxes, self.top or saliency.shape[1], self.max_overlap, pairs)
            saliency = saliency * distinct
        index, score, mask = select_regions(saliency, self.top, self.threshold)
        if self.max_overlap is not None:
            mask = mask & (score > 0)
            mask[:, 0] = True
        return index, score, mask


@MODELS.register_module()
class ImageSaliencyFilter(RegionFilter):
    """The filter as section 3.2.2 is written: it reads the detector's saliency, which does not depend on the text."""

    conditioned = False

    def __init__(
        self,
        top: int | None = 20,
        threshold: float | None = 0.3,
        max_overlap: float | None = None,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(top, threshold, max_overlap, init_cfg)
        del self.scale, self.bias


@MODELS.register_module()
class KeepAllRegions(BaseModule):
    """Table 6's "no filter": all regions are kept, and weigh the same."""

    conditioned = False

    def forward(self, logits: Tensor, boxes: Tensor, pairs: PairIndex) -> tuple[Tensor, Tensor, Tensor]:
        """As :meth:`RegionFilter.forward`; regions stand by falling saliency."""
        index, score, mask = select_regions(logits.float().sigmoid(), None, None)
        return index, torch.ones_like(score), mask
