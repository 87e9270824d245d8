"""Momentum encoders, as ALBEF's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from mmengine.model import ExponentialMovingAverage
from torch import Tensor, nn

if TYPE_CHECKING:
    from slan_mm.structures import TextTokens


class MomentumEncoder(ExponentialMovingAverage):
    """A copy of an encoder whose parameters follow the encoder's: p_avg <- p_avg + momentum * (p - p_avg).

    MMEngine's matches parameters by name. Here they are matched by order, because FSDP renames those of the encoder.
    Both are FSDP units and are split alike, so each rank updates its own shards and nothing is gathered.
    """

    @torch.no_grad()
    def update_parameters(self, model: nn.Module) -> None:
        """One step toward ``model``; the first one copies it."""
        for average, source in zip(self.module.parameters(), model.parameters(), strict=True):
            if self.steps == 0:
                average.data.copy_(source.data)
            else:
                self.avg_func(average.data, source.data, self.steps)
        for buffer, source_buffer in zip(self.module.buffers(), model.buffers(), strict=True):
            buffer.copy_(source_buffer)
        self.steps += 1


class MomentumEncoders(nn.ModuleList):
    """Momentum copies of the image and the text branch, for ITC's candidates and soft targets.

    Args:
        branches: Image and text branch.
        momentum: Share of the old average in a step, e.g. 0.995 as in ALBEF.
    """

    def __init__(self, branches: Sequence[nn.Module], momentum: float) -> None:
        super().__init__(MomentumEncoder(branch, momentum=1 - momentum) for branch in branches)

    @torch.no_grad()
    def embed(self, branches: Sequence[nn.Module], inputs: Tensor, tokens: TextTokens) -> tuple[Tensor, Tensor]:
        """Embeddings (B, E) of images and of texts; in training the averages are updated first."""
        for average, branch in zip(self, branches, strict=True):
            if self.training:
                average.update_parameters(branch)  # type: ignore[operator]
        image_average, text_average = self
        return image_average(inputs, embedding_only=True), text_average(tokens).embedding
