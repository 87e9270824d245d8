"""Momentum encoders, as ALBEF's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from mmengine.model import ExponentialMovingAverage
from torch import Tensor, nn

if TYPE_CHECKING:
    from slan_mm.models.image.branch import ImageBranch
    from slan_mm.models.text.branch import TextBranch
    from slan_mm.structures import ImageFeatures, TextTokens


class MomentumEncoder(ExponentialMovingAverage):
    """A copy of an encoder whose parameters follow the encoder's: p_avg <- p_avg + momentum * (p - p_avg).

    MMEngine's matches parameters by name. Here they are matched by order, because FSDP renames those of the encoder.
    Both consist of the same FSDP units and are split alike, so each rank updates its own shards and nothing is
    gathered. What the copy lacks must be units of their own.
    """

    @torch.no_grad()
    def update_parameters(self, model: nn.Module) -> None:
        """One step toward ``model``; the first one copies it.

        Raises:
            ValueError: The copy is split otherwise than ``model``.
        """
        for average, source in zip(self.module.parameters(), model.parameters(), strict=True):
            if average.shape != source.shape:
                raise ValueError(
                    'momentum encoders are split otherwise than the branches that they follow: add the classes of '
                    'image.detector and image.decoder to the units of the strategy (configs/_base_/sharded.py)'
                )
            if self.steps == 0:
                average.data.copy_(source.data)
            else:
                self.avg_func(average.data, source.data, self.steps)
        for buffer, source_buffer in zip(self.module.buffers(), model.buffers(), strict=True):
            buffer.copy_(source_buffer)
        self.steps += 1


class MomentumEncoders(nn.ModuleList):
    """Momentum copies of the image and the text branch, for ITC's candidates and soft targets.

    The image branch's copy embeds the regions that the branch itself has found, and has no detector of its own, which
    is the most expensive part of it. A checkpoint of earlier versions, whose copy has one, loads without it.

    Args:
        image_branch, text_branch: What is copied.
        momentum: Share of the old average in a step, e.g. 0.995 as in ALBEF.
    """

    def __init__(self, image_branch: ImageBranch, text_branch: TextBranch, momentum: float) -> None:
        branches = (image_branch.for_embedding(), text_branch)
        super().__init__(MomentumEncoder(branch, momentum=1 - momentum) for branch in branches)

    @torch.no_grad()
    def embed(
        self,
        image_branch: ImageBranch,
        text_branch: TextBranch,
        inputs: Tensor,
        tokens: TextTokens,
        image: ImageFeatures,
    ) -> tuple[Tensor, Tensor]:
        """Embeddings (B, E) of images and of texts; in training the averages are updated first.

        ``image``: what ``image_branch`` makes of the same images.
        """
        image_average, text_average = self
        if self.training:
            image_average.update_parameters(image_branch.for_embedding())  # type: ignore[operator]
            text_average.update_parameters(text_branch)  # type: ignore[operator]
        return image_average(inputs, found=(image.boxes, image.saliency)), text_average(tokens).embedding
