"""Which tokens of a text a phrase has, why some were not read, and a phrase as a text of its own."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from slan_mm.structures import TextFeatures, TextTokens

_BEHIND = 'behind the last token that the text encoder reads (its max_words)'


def span_tokens(offsets: Tensor, word_mask: Tensor, spans: Sequence[Sequence[int]]) -> Tensor:
    """The tokens of one text that overlap any of the character ``spans`` [start, end): (NT,) bool.

    ``offsets`` (NT, 2), ``word_mask`` (NT,). A phrase that was cut off by the text encoder's limit has none.
    """
    chosen = word_mask.new_zeros(word_mask.shape)
    for start, end in spans:
        chosen |= (offsets[:, 0] < end) & (offsets[:, 1] > start)
    return chosen & word_mask


def unread_part(text: str, spans: Sequence[Sequence[int]], words: Tensor, offsets: Tensor) -> str | None:
    """Why not all of a phrase was read; None where all was.

    ``words`` (NT,): its tokens, see :func:`span_tokens`; ``offsets`` (NT, 2) of the ``text``.
    """
    # Behind the last token letters stand only if the text was cut.
    end = int(offsets.max())
    cut = ' '.join(part for start, stop in spans if re.search(r'\w', part := text[max(start, end) : stop])).strip()
    if words.any():
        return f'without {cut!r}, which lies {_BEHIND}' if cut else None
    return f'it lies {_BEHIND}' if cut else 'the tokenizer makes no token of it'


def phrase_tokens(tokens: TextTokens, data_samples: Sequence) -> list[list[Tensor]]:
    """The tokens of each of the ``phrases`` of each sample, (NT,) bool."""
    return [
        [span_tokens(tokens.offsets[row], tokens.word_mask[row], phrase['spans']) for phrase in phrases]
        for row, phrases in enumerate(sample.get('phrases') or [] for sample in data_samples)
    ]


def word_shares(words: Tensor, weight: Tensor | None) -> Tensor:
    """How much each word of a text counts in a phrase of the ``words`` (NT,) bool: (NT,), sum 1, or 0 without a word.

    ``weight`` (NT,), the weight of a word; None: equal weights.
    """
    share = words.float() if weight is None else words * weight
    return share / share.sum().clamp(min=1e-12)


def one_phrase_texts(text: TextFeatures, tokens: TextTokens, data_samples: Sequence) -> tuple[Tensor, TextFeatures]:
    """Every phrase of ``data_samples`` as a text of its own: rows (Q,) of their samples, and Q texts.

    Words are encoded in their sentence, but only the phrase's words keep, move and size regions. A phrase none of whose
    words was read is replaced by the whole text: it gets no box in the end.
    """
    chosen = phrase_tokens(tokens, data_samples)
    index = [row for row, phrases in enumerate(chosen) for _ in phrases]
    rows = torch.tensor(index, dtype=torch.long, device=text.word_mask.device)
    words = [words if words.any() else text.word_mask[row] for row, phrases in enumerate(chosen) for words in phrases]
    alone = text[rows]
    return rows, replace(alone, word_mask=torch.stack(words)) if words else alone


def mix_words(sentence: TextFeatures, alone: TextFeatures, share: float) -> TextFeatures:
    """``sentence`` whose words in the region-word spaces are 1 - ``share`` of its own and ``share`` of those ``alone``.

    A sentence lends a phrase's words the sense of what else it names, and so a part of their maps.

    Args:
        sentence: Q texts, of each the words of a phrase, see :func:`one_phrase_texts`.
        alone: The Q phrases as texts of their own. Where one has another number of words, such as one that the
            tokenizer splits differently, the sentence's stay.
        share: Between 0 and 1.
    """
    same = sentence.word_mask.sum(1) == alone.word_mask.sum(1)
    here, there = sentence.word_mask & same[:, None], alone.word_mask & same[:, None]
    mixed = {}
    for term, words in sentence.word_space.items():
        mixed[term] = words.clone()
        mixed[term][here] = (1 - share) * words[here] + share * alone.word_space[term][there]
    return replace(sentence, word_space=mixed)
