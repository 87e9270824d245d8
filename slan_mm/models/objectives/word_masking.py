"""Which words of a step's texts are masked, for masked language modelling (LM)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import torch
from mmengine.dist import get_world_size
from torch import Tensor

from slan_mm.models.dist import local_rows, seeded_uniform

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
