"""How a region moves toward its words: the box update of one adaptor level (Alg. 1, lines 5-10; Eq. 2).

All moves read the word-activation map M = F_i E^T: the cosine of every cell of F_i and every word in the shared
region-word space.
``ScalarMove`` is the paper's: K x K cells move the centre, one learnable factor a side and level scales the size.
``MomentMove`` takes s as a distribution over the neighbourhood: its first moment is the paper's move, its second
moment gives the size. ``ContrastMove`` (contrast_move.py) sets other sizes.
"""

from __future__ import annotations

import math

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn
from torch.nn.functional import logsigmoid

from slan_mm.models import protocols
from slan_mm.models.locator.boxes import cell_boxes, cell_centres, clip_boxes
from slan_mm.registry import MODELS

_FAINT = 0.01  # a cosine that is nothing


def own_words(
    pooling: protocols.Pooling, boxes: Tensor, activation: Tensor, word_mask: Tensor, sharpness: float
) -> Tensor:
    """Each region's softmaxed similarity to its words, (P, N, NT), 0 where ``word_mask`` is False.

    So that a region follows one object. ``boxes`` (P, N, 4), ``activation`` (P, NT, H, W), ``word_mask`` (P, NT).
    """
    to_words = pooling(activation, boxes).float() * sharpness
    return to_words.masked_fill(~word_mask[:, None], -torch.inf).softmax(-1)


class SizeFactors(nn.Module):
    """The learnable p_w, p_h of one level; 'fixed' holds them at 1, 'bounded' within a factor of ``bound``."""

    def __init__(self, mode: str = 'fixed', bound: float = 1.25) -> None:
        super().__init__()
        if mode not in ('fixed', 'bounded', 'free'):
            raise ValueError(f"size factors must be 'fixed', 'bounded' or 'free', got {mode!r}")
        self.mode = mode
        self.log_bound = math.log(bound)
        self.log_p = nn.Parameter(torch.zeros(2), requires_grad=mode != 'fixed')

    def forward(self) -> Tensor:
        """(p_w, p_h) as (2,)."""
        return (self.log_bound * self.log_p.tanh() if self.mode == 'bounded' else self.log_p).exp()


@MODELS.register_module()
class ScalarMove(BaseModule):
    """Eq. 2: x' = x + sum_j s_j (column offset of j), y' likewise by rows, w' = p_w w, h' = p_h h.

    s_j is the largest similarity of cell j and any word, normalised over the K x K cells by a softmax with a learnable
    temperature, so that the move is a convex combination of cell centres. :class:`LiteralMove` has the paper's raw
    sum. The paper pairs x with rows; we use the usual convention.

    Args:
        ratio: r_i, the neighbourhood's sides as a share of the image's.
        k: K cells a side.
        pooling: Config of the region pooling that embeds the cells.
        size_factors: How p_w, p_h are learned, see :class:`SizeFactors`.
    """

    def __init__(
        self,
        ratio: float,
        k: int = 3,
        pooling: dict | None = None,
        size_factors: str = 'free',
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        self.ratio, self.k = ratio, k
        self.pooling: protocols.Pooling = MODELS.build(pooling or dict(type='ExactMeanPooling'))
        self.factors = SizeFactors(size_factors)
        self.log_scale = nn.Parameter(torch.tensor(math.log(10.0)))

    def share(self, similarity: Tensor) -> Tensor:
        """The cells' shares of the move (P, N, K * K), of their ``similarity``."""
        return (similarity * self.log_scale.exp()).softmax(-1)

    def similarity(self, boxes: Tensor, activation: Tensor, word_mask: Tensor) -> tuple[Tensor, Tensor]:
        """s_j of each region (P, N, K * K), and the offset of each cell's centre (P, N, K * K, 2)."""
        num_pairs, num_regions = boxes.shape[:2]
        cells = cell_boxes(boxes[..., :2], boxes.new_full((2,), self.ratio), self.k)
        # Pooling and dot product commute: pool the words' maps, not K * K feature vectors a region.
        response = self.pooling(activation, clip_boxes(cells).flatten(1, 2)).float()
        response = response.masked_fill(~word_mask[:, None], -torch.inf).amax(-1)
        return response.view(num_pairs, num_regions, self.k**2), cells[..., :2] - boxes[:, :, None, :2]

    def forward(self, boxes: Tensor, activation: Tensor, word_mask: Tensor) -> Tensor:
        """Moves ``boxes`` (P, N, 4) to where ``activation`` (P, NT, H, W), the word-activation map of F_i, is high.

        ``word_mask`` (P, NT), True at words. Returns (P, N, 4), cut to the image.
        """
        s, offset = self.similarity(boxes, activation, word_mask)
        centre = boxes[..., :2] + (self.share(s).unsqueeze(-1) * offset).sum(dim=-2)
        return clip_boxes(torch.cat([centre, boxes[..., 2:] * self.factors()], dim=-1))


@MODELS.register_module()
class MomentMove(BaseModule):
    """Centre and size from the first two moments of the similarity s over the cells around a region.

    Words are weighted by the region's own softmaxed similarity to them, so that a region follows one object;
    s = softmax over the neighbourhood's cells of ``sharpness`` x the weighted cosine; then x' = E[x],
    w' = p_w c sqrt(Var[x]) and likewise for y. With c = sqrt(12) a uniform box reproduces itself.

    Args:
        ratio: r_i, the neighbourhood's sides as a share of the image's.
        c: Size of a box in standard deviations.
        blur: By how many cells the blur of the word-activation map widens every box. It is subtracted; otherwise the
            c that fits large objects would make the boxes of small ones too large.
        threshold: None: s is a softmax. Else s is constant where the weighted cosine is well above this share of its
            highest value in the neighbourhood, and 0 well below, so that the whole object counts, not its peak.
        sharpness: Factor of the cosine before the softmax over cells; with ``threshold`` the steepness of the step,
            relative to the highest cosine.
        word_sharpness: Factor of the cosine before the softmax over words.
        size_factors: How p_w, p_h are learned, see :class:`SizeFactors`; 'free' ones drift under other losses.
        k: None: the cells are those of F_i in the neighbourhood. Else the neighbourhood is cut into K x K pooled
            cells, which can be finer than those of F_i. Cells whose centre is outside of the image do not count.
        pooling: Config of the pooling of a region's, and with ``k`` a cell's, similarity to the words.
    """

    def __init__(
        self,
        ratio: float = 0.5,
        c: float = math.sqrt(12),
        blur: float = 0.0,
        threshold: float | None = None,
        sharpness: float = 10.0,
        word_sharpness: float = 10.0,
        size_factors: str = 'fixed',
        k: int | None = None,
        pooling: dict | None = None,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        self.ratio, self.c, self.blur, self.threshold, self.k = ratio, c, blur, threshold, k
        self.pooling: protocols.Pooling = MODELS.build(pooling or dict(type='ExactMeanPooling'))
        self.factors = SizeFactors(size_factors)
        self.sharpness, self.word_sharpness = sharpness, word_sharpness

    def distribution(self, boxes: Tensor, activation: Tensor, word_mask: Tensor) -> tuple[Tensor, Tensor]:
        """s (P, N, C), zero outside the neighbourhood, rows sum to 1; and the C cells' centres, (x, y).

        Without ``k`` C = H * W, and centres are (C, 2); with it C = K * K, and they are (P, N, C, 2).
        """
        weight = own_words(self.pooling, boxes, activation, word_mask, self.word_sharpness)
        response, centres, outside = (self._own_cells if self.k is None else self._cut_cells)(boxes, activation, weight)
        response = response.float()
        if self.threshold is None:
            logits = response * self.sharpness
        else:
            inside = response if outside is None else response.masked_fill(outside, -torch.inf)
            # The peak may be nothing, or below it, where no word responds.
            peak = inside.max(-1, keepdim=True).values.clamp(min=_FAINT)
            logits = logsigmoid((response / peak - self.threshold) * self.sharpness)
        # Masked last: a gradient through minus infinity, is none.
        return (logits if outside is None else logits.masked_fill(outside, -torch.inf)).softmax(-1), centres

    def _own_cells(self, boxes: Tensor, activation: Tensor, weight: Tensor) -> tuple[Tensor, Tensor, Tensor | None]:
        height, width = activation.shape[-2:]
        response = weight.to(activation.dtype) @ activation.flatten(2)
        centres = cell_centres(height, width, boxes.device, boxes.dtype)
        # A window of twice the picture's sides has no outside, wherever in the picture its centre is.
        return response, centres, None if self.ratio >= 2 else self._outside(boxes, centres, height, width)

    def _outside(self, boxes: Tensor, centres: Tensor, height: int, width: int) -> Tensor:
        """(P, N, H * W), True at cells (``centres``) that are not of the neighbourhood of ``boxes`` (P, N, 4)."""
        # Never smaller than one cell a side, or a coarse map would leave an empty neighbourhood.
        reach = boxes.new_tensor([max(self.ratio, 1 / width), max(self.ratio, 1 / height)]) / 2 + 1e-6
        columns, rows = centres[:width, 0], centres[::width, 1]
        beside = (columns - boxes[..., None, 0]).abs() > reach[0]
        above = (rows - boxes[..., None, 1]).abs() > reach[1]
        return (above.unsqueeze(-1) | beside.unsqueeze(-2)).flatten(-2)

    def _cut_cells(self, boxes: Tensor, activation: Tensor, weight: Tensor) -> tuple[Tensor, Tensor, Tensor | None]:
        cells = cell_boxes(boxes[..., :2], boxes.new_full((2,), self.ratio), self.k or 1)
        pooled = self.pooling(activation, clip_boxes(cells).flatten(1, 2)).float().view(*cells.shape[:3], -1)
        centres = cells[..., :2]
        return (pooled * weight.unsqueeze(2)).sum(-1), centres, ((centres < 0) | (centres > 1)).any(-1)

    def forward(self, boxes: Tensor, activation: Tensor, word_mask: Tensor) -> Tensor:
        """As :meth:`ScalarMove.forward`."""
        s, centres = self.distribution(boxes, activation, word_mask)
        # Moments are differences of near numbers: always in full precision.
        with torch.autocast(boxes.device.type, enabled=False):
            mean = _expectation(s, centres)
            variance = (_expectation(s, centres.square()) - mean.square()).clamp(min=0)
        # Within one cell the response is taken as uniform, which adds the cell's own variance, size^2 / 12.
        if self.k is None:
            cell = boxes.new_tensor([1 / activation.shape[-1], 1 / activation.shape[-2]])
        else:
            cell = boxes.new_full((2,), self.ratio / self.k)
        size = self.c * (variance + cell.square() / 12).sqrt()
        if self.blur:
            size = (size - self.blur * cell).clamp(min=0.0)
        return clip_boxes(torch.cat([mean, self.factors() * size], dim=-1))


def _expectation(s: Tensor, values: Tensor) -> Tensor:
    """Mean of ``values`` (C, 2) or (P, N, C, 2) under s (P, N, C): (P, N, 2)."""
    return s @ values if values.dim() == 2 else (s.unsqueeze(-2) @ values).squeeze(-2)
