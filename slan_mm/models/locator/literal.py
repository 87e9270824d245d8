"""The locator as the paper is written, without our additions, one class a component.

``LiteralAttention`` (Eq. 1) is in attention.py.
"""

from __future__ import annotations

from torch import Tensor, nn

from slan_mm.models.locator.adaptor import RegionAdaptor
from slan_mm.models.locator.locator import SelfLocator
from slan_mm.models.locator.moves import ScalarMove
from slan_mm.registry import MODELS


class _NoPlace(nn.Module):
    """Replaces a :class:`BoxEmbedding`: always 0."""

    def __init__(self, embed_dims: int) -> None:
        super().__init__()

    def forward(self, boxes: Tensor) -> Tensor:
        return boxes.new_zeros(())


@MODELS.register_module()
class LiteralLocator(SelfLocator):
    """Algorithm 1 as written: no embedding of the place of regions, and word-activation maps are not centred."""

    centred = False
    place_type = _NoPlace


@MODELS.register_module()
class ReplacingAdaptor(RegionAdaptor):
    """The new embedding replaces the attended one, as line 11 of Algorithm 1 is written."""

    def embed(self, attended: Tensor, pooled: Tensor) -> Tensor:
        """E_i^G (P, NG, D)."""
        return self.norm(pooled)


@MODELS.register_module()
class LiteralAdaptor(ReplacingAdaptor):
    """Algorithm 1, lines 4-11, as written: :class:`ReplacingAdaptor` without the embedding of the place of regions."""

    place_type = _NoPlace


@MODELS.register_module()
class LiteralMove(ScalarMove):
    """Eq. 2 with the raw sum over cells: s_j is the similarity itself, not its softmax."""

    def __init__(self, ratio: float, k: int = 3, pooling: dict | None = None, size_factors: str = 'free') -> None:
        super().__init__(ratio, k, pooling, size_factors)
        del self.log_scale

    def share(self, similarity: Tensor) -> Tensor:
        """s_j (P, N, K * K)."""
        return similarity
