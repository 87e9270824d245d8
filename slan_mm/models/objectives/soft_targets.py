"""Soft targets: what other texts of the batch say nearly the same, and so fit the picture as well."""

from __future__ import annotations

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
    """Targets of the contrastive losses that know how alike texts are: the paper's own, softened.

    Eq. 5-6 call every other text of a batch wrong. On few photographs of few kinds, "a dog runs over grass" fits many,
    and a model that is taught to tell them apart learns them by heart. A frozen text encoder that was trained on
    sentences knows how near two texts are, before this training began.

    Row i is ``(1 - share) * positives + share * softmax_j(cos(text_i, text_j) / temperature)``, of the mean of the
    encoder's own contextual words; the same in both directions, as pictures are not compared.

    Args:
        share: Of the softened part, 0 to 1.
        temperature: Its temperature; over 0.
    """

    def __init__(self, share: float = 0.5, temperature: float = 0.2) -> None:
        if not 0 <= share <= 1 or temperature <= 0:
            raise ValueError(f'SoftTargets: share {share} must lie in [0, 1], temperature {temperature} be over 0.')
        self.share = share
        self.temperature = temperature

    @torch.no_grad()
    def __call__(self, encoder: TextEncoder, tokens: TextTokens, ids: Tensor) -> Tensor:
        """Of B texts and the ``ids`` (B,) of their pictures: (B, B * ranks), each row a distribution.

        No word is left out, whatever training leaves out of what it compares.
        """
        sentence = normalize(encoder.extract(tokens).mean(tokens.mask), dim=-1)
        near = (sentence @ gather(sentence).t() / self.temperature).float().softmax(1)
        return (1 - self.share) * positives(ids, gather(ids)) + self.share * near
