"""Words that a tokenizer cuts into pieces, as one word: for maps, filters and phrases.

Shapes: T texts, NT tokens.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from slan_mm.structures import TextTokens


def join_pieces(tokens: TextTokens, texts: Sequence[str]) -> TextTokens:
    """``tokens`` of ``texts``, in which the first piece of a word stands for all of it.

    Its ``offsets`` span the whole word; further pieces are tokens still, but no words of ``word_mask``. Pieces belong
    together where they are of one character, or one ends where the next begins and letters or digits meet there. So in
    a script without spaces all between two signs is one word.
    """
    word_mask, offsets = tokens.word_mask.clone(), tokens.offsets.clone()
    spans = tokens.offsets.tolist()
    for row, columns in enumerate(tokens.word_mask.tolist()):
        first = end = -1
        for column, is_word in enumerate(columns):
            if not is_word:
                continue
            start, stop = spans[row][column]
            if not texts[row][start:stop].strip():
                # A piece that is the space before the next one.
                word_mask[row, column] = False
                continue
            # Bytes of one character have the same span.
            if start < end or (start == end and _joined(texts[row][start - 1 : start + 1])):
                word_mask[row, column] = False
                stop = max(stop, end)
                offsets[row, first, 1] = stop
            else:
                first = column
            end = stop
    return replace(tokens, word_mask=word_mask, offsets=offsets)


def _joined(characters: str) -> bool:
    """Whether both characters are of a word: letters, digits, marks on them."""
    return len(characters) == 2 and all(unicodedata.category(character)[0] in 'LMN' for character in characters)


def piece_weight(tokens: TextTokens) -> Tensor:
    """How much of each token a word of :func:`join_pieces` is, (T, NT, NT): the mean of its pieces.

    Every other token is itself.
    """
    start, stop = tokens.offsets.unbind(-1)
    inside = (start[:, None] >= start[:, :, None]) & (stop[:, None] <= stop[:, :, None])
    inside = inside & (tokens.mask & (stop > start))[:, None]
    whole = (tokens.word_mask & (stop > start)).unsqueeze(-1)
    itself = torch.eye(start.shape[1], dtype=torch.bool, device=start.device)
    weight = torch.where(whole, inside, itself).float()
    return weight / weight.sum(-1, keepdim=True)
