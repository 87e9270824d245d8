"""Masked language modelling (LM, Eq. 7) on the fused words."""

from __future__ import annotations

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, linear

from slan_mm.models.dist import global_mean
from slan_mm.models.objectives.word_masking import IGNORE
from slan_mm.registry import MODELS


@MODELS.register_module()
class MaskedLMHead(BaseModule):
    """Predicts masked words from fused ones: BERT's transform, then the text encoder's own word embeddings.

    Args:
        embed_dims: Width D of the fused words.
        vocab_size: Number of tokens.
        word_dims: Width of the text encoder's word embeddings.
    """

    def __init__(self, embed_dims: int, vocab_size: int, word_dims: int, init_cfg: dict | None = None) -> None:
        super().__init__(init_cfg)
        self.transform = nn.Sequential(nn.Linear(embed_dims, word_dims), nn.GELU(), nn.LayerNorm(word_dims))
        self.bias = nn.Parameter(torch.zeros(vocab_size))

    def forward(self, words: Tensor, word_embeddings: Tensor) -> Tensor:
        """``words`` (..., D) and the embedding matrix (V, word_dims) to logits (..., V)."""
        return linear(self.transform(words), word_embeddings, self.bias)

    def loss(self, words: Tensor, labels: Tensor, word_embeddings: Tensor) -> Tensor:
        """Mean cross-entropy over the masked words. ``words`` (P, NT, D), ``labels`` (P, NT), -100: no prediction."""
        chosen = labels != IGNORE
        logits = self(words[chosen], word_embeddings)
        total = cross_entropy(logits.float(), labels[chosen], reduction='sum')
        return global_mean(total, chosen.sum())
