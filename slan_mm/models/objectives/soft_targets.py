"""Soft targets: texts of the batch that mean nearly the same fit the image as well."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn.functional import normalize

from slan_mm.models.dist import gather
from slan_mm.models.objectives.contrastive import positives
from slan_mm.registry import MODELS

if TYPE_CHECKING:
    from slan_mm.models.protocols import TextEncoder
    from slan_mm.structures import TextTokens


@MODELS.register_module()
class SoftTargets:
    """Targets of the contrastive losses, softened by the similarity of texts.

    In Eq. 5-6 every other text of a batch is wrong. In a small data set "a dog runs over grass" fits many photographs,
    and a model that has to distinguish them overfits. The similarity comes from a frozen text encoder that was trained
    on sentences.

    Row i is ``(1 - share) * positives + share * softmax_j(cos(text_i, text_j) / temperature)``, of the mean of the
    encoder's own contextual words; the same in both directions, as images are not compared.

    Args:
        share: Of the softened part, 0 to 1.
        temperature: Its temperature; over 0.
        terms: The contrastive terms that have them: 'itc', names of region-word terms; None: all. A region-word term
            with them finds words of near texts in the image as well, and grounds less sharply.
    """

    def __init__(self, share: float = 0.5, temperature: float = 0.2, terms: Sequence[str] | None = None) -> None:
        if not 0 <= share <= 1 or temperature <= 0:
            raise ValueError(f'SoftTargets: share {share} must lie in [0, 1], temperature {temperature} be over 0.')
        self.share = share
        self.temperature = temperature
        self.terms = None if terms is None else frozenset(terms)

    @torch.no_grad()
    def __call__(self, encoder: TextEncoder, tokens: TextTokens, ids: Tensor) -> Tensor:
        """Of B texts and the ``ids`` (B,) of their images: (B, B * ranks), each row a distribution.

        Word dropout does not affect them.
        """
        sentence = normalize(encoder.extract(tokens).mean(tokens.mask), dim=-1)
        near = (sentence @ gather(sentence).t() / self.temperature).float().softmax(1)
        return (1 - self.share) * positives(ids, gather(ids)) + self.share * near
