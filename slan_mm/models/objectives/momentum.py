"""Momentum encoders, as ALBEF's."""

from __future__ import annotations

import torch
from mmengine.model import ExponentialMovingAverage
from torch import nn


class MomentumEncoder(ExponentialMovingAverage):
    """A copy of an encoder whose parameters follow the encoder's: p_avg <- p_avg + momentum * (p - p_avg).

    MMEngine's matches parameters by name. Here they are matched by their order: FSDP gives those of the encoder other
    names. It splits both alike when both are FSDP units, so that each rank moves its own shards and nothing is
    gathered.
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
