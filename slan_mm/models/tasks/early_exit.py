"""Training of the ITM head for the retrieval cascade's early exit, in a model that stays as it is."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from slan_mm.models.dist import gather_record
from slan_mm.models.objectives.contrast import image_ids
from slan_mm.models.slan import SLAN
from slan_mm.registry import MODELS
from slan_mm.structures import EXIT_LEVEL


@MODELS.register_module()
class EarlyExitSLAN(SLAN):
    """SLAN whose ``objective.early_itm`` alone learns: ITM after the locator's first level, as deep supervision.

    It learns by ITM's losses with their weights, ``itm`` and ``rerank``, on pairs and their hard negatives. All else is
    frozen and in evaluation mode, so that the full computation does not change, and an iteration is a forward pass of
    the encoders and one level. What it makes is a SLAN: prediction, search and checkpoints are those of the parent.

    Args:
        slan: What :class:`SLAN` takes, with ``objective.early_itm``.

    Raises:
        ValueError: There is no ``objective.early_itm``, or no later level that the exit could save.
    """

    def __init__(self, **slan: Any) -> None:
        super().__init__(**slan)
        if self.objective.early_itm_head is None:
            raise ValueError('EarlyExitSLAN trains objective.early_itm: set model.objective.early_itm=dict()')
        if len(self.locator.adaptors) <= EXIT_LEVEL:
            raise ValueError(
                f'an early exit after level {EXIT_LEVEL} saves nothing: locator.adaptors has '
                f'{len(self.locator.adaptors)} levels'
            )
        self.requires_grad_(False)
        self.objective.early_itm_head.requires_grad_(True)  # type: ignore[attr-defined]

    @property
    def frozen_parts(self) -> list[Any]:
        """All modules but the early head."""
        objective = self.objective
        others = [part for part in objective.children() if part is not objective.early_itm_head]
        return [self.image_branch, self.text_branch, self.locator, *others]

    def loss(self, inputs: Tensor, data_samples: list) -> dict[str, Tensor]:
        """ITM's losses of the early head, of pairs (image i, its own text)."""
        objective = self.objective
        with torch.no_grad():
            image = self.encode_image(inputs)
            text = self.encode_text([sample.text for sample in data_samples])
            ids = image_ids(data_samples, image.boxes.device)
            scores = self.shortlist_scores(image, gather_record(text, padded=True))
            negatives = objective.sampler.negatives(int(objective.iteration), scores, ids)
            pairs = objective.sampler.pairs(image, text, None, negatives)
            located = self.locate(pairs.images, pairs.texts, pairs.index, EXIT_LEVEL)
        losses = objective.match(pairs, located, EXIT_LEVEL)
        objective.count_iteration()
        return losses
