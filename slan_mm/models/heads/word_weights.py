"""How much each word counts in the score of a phrase or a class, as pre-training has learned it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn

from slan_mm.structures import TextFeatures


class WordWeights(BaseModule):
    """The word weights of pre-training (``ContrastObjective.word_weight``) without its objective.

    :func:`keep_fresh_head` fills them from a pre-training checkpoint; without one all words weigh the same. They are
    not trained: losses are of single words.

    Args:
        space_dims: Width C of each region-word term.
        terms: The calibrated terms of pre-training.
        power: Its ``word_power``.
    """

    def __init__(self, space_dims: Mapping[str, int], terms: Sequence[str], power: float) -> None:
        super().__init__()
        self.power = power
        self.calibration = nn.ModuleDict({term: nn.Linear(space_dims[term], 2) for term in terms})
        for parameter in self.parameters():
            nn.init.zeros_(parameter)
        self.requires_grad_(False)

    def forward(self, text: TextFeatures) -> Tensor:
        """The weight (T, NT) of each word, over 0."""
        log_weight = torch.zeros(text.word_mask.shape, device=text.word_mask.device)
        for term, calibration in self.calibration.items():
            log_weight = log_weight + calibration(text.word_space[term]).float()[..., 0]
        return (log_weight * self.power).exp()
