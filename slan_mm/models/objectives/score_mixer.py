"""The image-text score for shortlists and hard negatives."""

from __future__ import annotations

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn
from torch.nn.functional import softplus

from slan_mm.models.objectives.contrastive import soft_cross_entropy
from slan_mm.registry import MODELS


@MODELS.register_module()
class ScoreMixer(BaseModule):
    """A positive combination of the terms' similarities, each already scaled.

    The terms are 'itc' for the whole image and text, 'lexical' and 'contextual' for regions and words. The weights
    are learned by a contrastive loss on the detached similarities, so that it trains nothing else.

    Args:
        terms: Names of the terms.
    """

    def __init__(self, terms: list[str], init_cfg: dict | None = None) -> None:
        super().__init__(init_cfg)
        self.terms = terms
        self.raw = nn.ParameterDict(
            {term: nn.Parameter(torch.tensor(0.5413), requires_grad=len(terms) > 1) for term in terms}
        )

    def weight(self, term: str) -> Tensor:
        """The weight of ``term``, 1 at the start; that of a single term is fixed."""
        return softplus(self.raw[term])

    def forward(self, scores: dict[str, Tensor]) -> Tensor:
        """Scores by term, each (B, T) logits, to one (B, T)."""
        return sum(self.weight(term) * scores[term].float() for term in self.terms)  # type: ignore[return-value]

    def loss(self, scores: dict[str, Tensor], target: Tensor) -> Tensor:
        """Contrastive loss of the mixed score of detached ``scores``; ``target`` (B, T) distributions over texts."""
        return soft_cross_entropy(self({term: score.detach() for term, score in scores.items()}), target)
