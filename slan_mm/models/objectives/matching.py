"""Image-text matching (ITM, Eq. 4): the head, and its losses."""

from __future__ import annotations

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, softplus

from slan_mm.models.dist import global_mean
from slan_mm.models.objectives.step_pairs import Negatives
from slan_mm.registry import MODELS
from slan_mm.structures import Located


@MODELS.register_module()
class ITMHead(BaseModule):
    """The match logit of located pairs: a pair matches if every word does (noisy-and).

    One hidden layer reads the means of regions and words and their product; minus the log-sum-exp of minus each word's
    score is added. [CLS] and [SEP] count as words here, because they summarise the text. Eq. 4's linear layer is
    :class:`LiteralITMHead`.

    Args:
        embed_dims: Width D, also of the hidden layers.
    """

    def __init__(self, embed_dims: int, init_cfg: dict | None = None) -> None:
        super().__init__(init_cfg)
        self.classifier = nn.Sequential(nn.Linear(3 * embed_dims, embed_dims), nn.GELU(), nn.Linear(embed_dims, 1))
        self.word_score = nn.Sequential(nn.Linear(embed_dims, embed_dims), nn.GELU(), nn.Linear(embed_dims, 1))

    def forward(self, located: Located) -> Tensor:
        """The match logits (P,)."""
        weight = located.token_mask.to(located.words.dtype).unsqueeze(-1)
        words = (located.words * weight).sum(1) / weight.sum(1)
        vision = located.vision_cls
        logit = self.classifier(torch.cat([vision, words, vision * words], dim=1)).squeeze(-1)
        scores = self.word_score(located.words).squeeze(-1).float()
        return logit - (-scores).masked_fill(~located.token_mask, -torch.inf).logsumexp(1).to(logit.dtype)


def itm_loss(logits: Tensor, labels: Tensor, valid: Tensor) -> tuple[Tensor, Tensor]:
    """Binary cross-entropy of ``logits`` (P,) with ``labels`` (P,), positives and negatives balanced, and accuracy.

    ``valid`` (P,), False for pairs that stand in where a sample had no negative.
    """
    labels = labels.float()
    loss = binary_cross_entropy_with_logits(logits.float(), labels, reduction='none')
    total = logits.new_zeros((), dtype=torch.float32)
    for kind in (labels > 0.5, labels < 0.5):
        weight = (kind & valid).float()
        total = total + 0.5 * global_mean((loss * weight).sum(), weight.sum())
    correct = ((logits > 0) == (labels > 0.5)) & valid
    return total, global_mean(correct.float().sum(), valid.sum())


def rerank_loss(logits: Tensor, negatives: Negatives, lead_weight: float = 1.0) -> Tensor:
    """Trains ITM as retrieval uses it, added to the mixed score: log(1 + exp(-lead of ITM + ITC)).

    Unlike Eq. 4 it needs no common threshold for all images and texts, and ITM learns what ITC lacks.
    ``logits`` (3B,): B pairs, then their negative texts, then their negative images.

    ``lead_weight``: of ITC's lead. Negatives that are drawn with a hardness of h already follow h times the mixed
    score: the best ITM is then the log-likelihood ratio less (h + ``lead_weight``) times the mixed score. So 1 - h
    makes it what has to be added.
    """
    count = len(negatives.text)
    lead = lead_weight * negatives.lead.detach().float()
    lead = logits[:count].float().repeat(2) - logits[count:].float() + lead
    weight = negatives.valid.float()
    return global_mean((softplus(-lead) * weight).sum(), weight.sum())
