"""Natural language visual reasoning (NLVR2): is a sentence true of two images?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from slan_mm.models.base import BaseSLAN
from slan_mm.models.sizes import build_sized
from slan_mm.registry import MODELS
from slan_mm.structures import Located


@MODELS.register_module()
class NLVR(BaseSLAN):
    """The sentence is located in both images; a head fuses the two results and classifies true or false.

    The sentence is encoded once, and ``locate`` is that of all tasks; only the head is new.

    Args:
        head: Config of the head over two located results, see :class:`PairFusionHead`.
        reg_weight: Weight of L_reg, which Eq. 8 adds to every downstream loss; 0 leaves it out.
        base: What :class:`BaseSLAN` takes.

    ``inputs`` are (B, 2, 3, H, W), the left image first; data samples carry ``text`` and, for the loss, ``gt_label``
    (1: true, 0: false). Predictions are ``pred_label`` (1,) and ``pred_score`` (2,), the probabilities of false and
    true, in mmpretrain's fields.
    """

    scores_mean = 'The probability that the sentence is true for the two images.'

    def __init__(self, head: dict, reg_weight: float = 1.0, **base: Any) -> None:
        super().__init__(**base)
        self.head = build_sized(dict(type='PairFusionHead') | head, 'head', embed_dims=self.embed_dims)
        self.reg_weight = reg_weight
        self.regression = MODELS.build(dict(type='ProgressiveRegressionLoss'))

    def _forward(self, inputs: Tensor, data_samples: list) -> Tensor:
        """The logits (B, 2)."""
        return self.head(*self.locate_sides(inputs, [sample.text for sample in data_samples]))

    def locate_sides(self, inputs: Tensor, sentences: Sequence[str]) -> tuple[Located, Located]:
        """Sentence i in the left and in the right image of sample i, for ``inputs`` (B, 2, 3, H, W).

        Raises:
            ValueError: ``inputs`` are not pairs of images.
        """
        if inputs.dim() != 5 or inputs.shape[1] != 2:
            raise ValueError(f'NLVR needs two pictures a sample, (B, 2, 3, H, W), got {tuple(inputs.shape)}')
        count = len(inputs)
        # All left pictures, then all right ones, in one pass.
        image = self.encode_image(inputs.transpose(0, 1).flatten(0, 1))
        text = self.encode_text(sentences)
        located = self.locate(image, text[torch.arange(count, device=inputs.device).repeat(2)])
        return located[:count], located[count:]

    def loss(self, inputs: Tensor, data_samples: list) -> dict[str, Tensor]:
        """Cross-entropy, L_reg of both sides (Eq. 8), and the batch's accuracy."""
        left, right = self.locate_sides(inputs, [sample.text for sample in data_samples])
        logits = self.head(left, right)
        labels = torch.cat([sample.gt_label for sample in data_samples]).to(logits.device)
        losses = dict(
            loss_nlvr=cross_entropy(logits.float(), labels), accuracy=(logits.argmax(1) == labels).float().mean()
        )
        if self.reg_weight and len(left.boxes) > 1:
            sides = [self.regression(side.boxes, side.region_mask, side.weight) for side in (left, right)]
            losses['loss_reg'] = sum(sides) / 2 * self.reg_weight
        return losses

    def predict(self, inputs: Tensor, data_samples: list) -> list:
        """The samples with ``pred_label`` and ``pred_score``."""
        logits = self._forward(inputs, data_samples)
        for sample, score in zip(data_samples, logits.detach().float().softmax(1), strict=True):
            sample.set_pred_score(score).set_pred_label(score.argmax())
        return data_samples
