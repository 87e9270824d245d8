"""The weights of the final score, chosen on held-out pictures and kept with the checkpoint."""

from __future__ import annotations

import torch
from mmengine.model import BaseModule
from torch import Tensor

from slan_mm.registry import MODELS


@MODELS.register_module()
class ScoreWeights(BaseModule):
    """The final score is ITC + ``region_word`` x region-word terms + ``itm`` x ITM, all of them logits.

    Region-word terms are weighed against each other, and against ITC, by the mixer; a weight of 1 is its mixture. Both
    weights are 0 until ``RetrievalEvaluator(choose_weights=True)`` has chosen them: ITC alone.

    Buffers, none of them trained:

    - ``region_word``, ``itm``: The weights, at least 0.
    - ``chosen_on``: Which pictures and texts chose them, see :attr:`Gallery.fingerprint`; 0: none has.
    """

    region_word: Tensor
    itm: Tensor
    chosen_on: Tensor

    def __init__(self, init_cfg: dict | None = None) -> None:
        super().__init__(init_cfg)
        self.register_buffer('region_word', torch.zeros(()))
        self.register_buffer('itm', torch.zeros(()))
        self.register_buffer('chosen_on', torch.zeros((), dtype=torch.long))

    def set(self, region_word: float, itm: float, chosen_on: int) -> None:
        """Keeps weights that were chosen."""
        self.region_word.fill_(region_word)
        self.itm.fill_(itm)
        self.chosen_on.fill_(chosen_on)
