"""The token that stands for the whole text comes first, wherever its architecture reads it.

BERT's [CLS] is the first token already. CLIP's EOS is the last one, and SigLIP reads the last position of a text that
is padded to the greatest length. Locator and heads read position 0 of all of them.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import pad

from slan_mm.structures import TextTokens


def sentence_first(tokens: TextTokens, sentence: str, padding_id: int) -> TextTokens:
    """Moves the last token of each text to the front; for 'padding', puts a padding token there, which takes part.

    ``tokens`` (T, NT) are as a tokenizer gives them; of 'padding' the result has one more. ``sentence`` is that of
    :class:`TextArchitecture`.
    """
    if sentence == 'first':
        return tokens
    if sentence == 'padding':
        return TextTokens(
            input_ids=pad(tokens.input_ids, (1, 0), value=padding_id),
            mask=pad(tokens.mask, (1, 0), value=True),
            word_mask=pad(tokens.word_mask, (1, 0), value=False),
            offsets=pad(tokens.offsets, (0, 0, 1, 0)),
        )
    source = _from_front(tokens.mask).argsort(1)
    return TextTokens(
        input_ids=tokens.input_ids.gather(1, source),
        mask=tokens.mask,
        word_mask=tokens.word_mask.gather(1, source),
        offsets=tokens.offsets.gather(1, source.unsqueeze(-1).expand_as(tokens.offsets)),
    )


def _from_front(mask: Tensor) -> Tensor:
    """For each position of the tokenizer's order, the one of ours: the last of the n tokens goes to 0."""
    position = torch.arange(mask.shape[1], device=mask.device).expand(mask.shape)
    last = mask.sum(1, keepdim=True) - 1
    return torch.where(position < last, position + 1, torch.where(position == last, 0, position))


def reading_order(
    tokens: TextTokens, sentence: str, padding_id: int, positions: int
) -> tuple[Tensor, Tensor | None, Tensor | None]:
    """What a model is to read, and where it leaves each token's state.

    Returns:
        ``input_ids`` (T, N) in the order of the text; the attention mask (T, N), None where padding is attended; and
        for each of our tokens the position (T, NT) of its state, None where the orders are the same.
    """
    ids, mask = tokens.input_ids, tokens.mask
    if sentence == 'first':
        return ids, mask.long(), None
    if sentence == 'last':
        source = _from_front(mask)
        return ids.gather(1, source), mask.long(), source.argsort(1)
    text = ids[:, 1:].masked_fill(~mask[:, 1:], padding_id)
    place = torch.arange(-1, text.shape[1], device=ids.device).expand(ids.shape).clone()
    place[:, 0] = positions - 1
    return pad(text, (0, positions - text.shape[1]), value=padding_id), None, place
