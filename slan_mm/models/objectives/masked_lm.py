"""Masked language modelling (LM, Eq. 7) on the fused words."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import torch
from mmengine.dist import get_world_size
from mmengine.model import BaseModule
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, linear

from slan_mm.models.dist import global_mean, local_rows, seeded_uniform
from slan_mm.registry import MODELS

if TYPE_CHECKING:
    from slan_mm.models.protocols import TextEncoder
    from slan_mm.structures import TextTokens

IGNORE = -100


def mask_tokens(
    input_ids: Tensor,
    word_mask: Tensor,
    uniform: Tensor,
    mask_id: int,
    vocab_size: int,
    probability: float = 0.15,
) -> tuple[Tensor, Tensor]:
    """BERT's masking: of the words, ``probability`` are chosen; of these 80 % become [MASK], 10 % a random token,
    10 % stay.

    ``input_ids`` (T, NT); ``word_mask`` (T, NT), True at words: special tokens and padding are never chosen;
    ``uniform`` (3, T, NT) numbers in [0, 1) that decide. Every text keeps at least one chosen word if it has any.
    Returns the masked ids and the labels, -100 where there is nothing to predict.
    """
    draw = uniform[0].masked_fill(~word_mask, 2.0)
    chosen = draw < probability
    # A text of few words would often go without: its smallest draw is chosen in any case.
    least = draw.argmin(1, keepdim=True)
    chosen = chosen | (torch.zeros_like(chosen).scatter(1, least, True) & word_mask)
    labels = input_ids.masked_fill(~chosen, IGNORE)
    masked = torch.where(chosen & (uniform[1] < 0.8), mask_id, input_ids)
    random_ids = (uniform[2] * vocab_size).long()
    masked = torch.where(chosen & (uniform[1] >= 0.8) & (uniform[1] < 0.9), random_ids, masked)
    return masked, labels


class WordMasking:
    """Masks words of a step's texts; seed, iteration and a word's place in the global batch decide its fate.

    Args:
        probability: Share of words that are chosen, see :func:`mask_tokens`.
        seed: Of the choice.
    """

    def __init__(self, probability: float = 0.15, seed: int = 0) -> None:
        self.probability = probability
        self.seed = seed

    def __call__(self, iteration: int, tokens: TextTokens, encoder: TextEncoder) -> tuple[TextTokens, Tensor]:
        """The masked ``tokens`` of B texts, and the labels (B, NT), -100 where there is nothing to predict."""
        count, length = tokens.input_ids.shape
        shape = (3, count * get_world_size(), encoder.max_words)
        uniform = seeded_uniform(self.seed, iteration, 1, shape, tokens.input_ids.device)
        tokenizer = encoder.tokenizer
        masked, labels = mask_tokens(
            tokens.input_ids,
            tokens.word_mask,
            uniform[:, local_rows(count), :length],
            tokenizer.mask_token_id,
            len(tokenizer),
            self.probability,
        )
        return replace(tokens, input_ids=masked), labels


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
