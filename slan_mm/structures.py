"""What flows through SLAN: features of images, features of texts, and what the locator makes of a pair.

Legend of shapes: B images, T texts, P image-text pairs, Nq queries, NG kept regions (padded), NT words (padded),
D width, C width of the shared region-word space, L levels. Boxes are normalised cxcywh. Masks are True where an
element takes part.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, TypeVar

import torch
from torch import Tensor
from torch.nn.functional import pad

#: The levels of the locator before which the retrieval cascade has its early exit.
EXIT_LEVEL = 1

Self = TypeVar('Self', bound='Batched')


def _map(value: Any, function: Callable[[Tensor], Tensor]) -> Any:
    """Applies ``function`` to every tensor of ``value``: a tensor, a list or dict of such, or None."""
    if isinstance(value, Tensor):
        return function(value)
    if isinstance(value, list | tuple):
        return [_map(item, function) for item in value]
    if isinstance(value, dict):
        return {key: _map(item, function) for key, item in value.items()}
    return value


def _concat(values: Sequence[Any]) -> Any:
    """Joins equal structures of tensors along the first axis; the second axis is zero-padded where it differs."""
    first = values[0]
    if isinstance(first, Tensor):
        if first.dim() > 1:
            longest = max(value.shape[1] for value in values)
            values = [
                torch.cat([value, value.new_zeros(len(value), longest - value.shape[1], *value.shape[2:])], dim=1)
                if value.shape[1] < longest
                else value
                for value in values
            ]
        return torch.cat(list(values))
    if isinstance(first, list):
        return [_concat(items) for items in zip(*values, strict=True)]
    if isinstance(first, dict):
        return {key: _concat([value[key] for value in values]) for key in first}
    return first


@dataclass
class Batched:
    """A record of tensors (or lists or dicts of tensors) that share their first axis."""

    def map(self: Self, function: Callable[[Tensor], Tensor]) -> Self:
        """The record with ``function`` applied to every tensor."""
        return type(self)(**{f.name: _map(getattr(self, f.name), function) for f in fields(self)})

    def __getitem__(self: Self, index: Tensor | slice) -> Self:
        """The elements at ``index`` (a slice, a (N,) long tensor >= 0 or a boolean mask), in that order."""
        if isinstance(index, Tensor) and index.dtype == torch.long:
            # Unlike plain indexing, whose gradient several CPU threads add up in any order.
            return self.map(lambda tensor: tensor.index_select(0, index))
        return self.map(lambda tensor: tensor[index])

    def to(self: Self, device: torch.device | str | None = None, dtype: torch.dtype | None = None) -> Self:
        """Moves every tensor; ``dtype`` (a floating one) leaves integer and boolean tensors as they are."""
        return self.map(lambda t: t.to(device=device, dtype=dtype if t.is_floating_point() else None))

    def detach(self: Self) -> Self:
        return self.map(Tensor.detach)

    @classmethod
    def cat(cls: type[Self], records: Sequence[Self]) -> Self:
        """Joins records; texts of different length are zero-padded, so their masks are False there."""
        return cls(**{f.name: _concat([getattr(record, f.name) for record in records]) for f in fields(cls)})

    def __len__(self) -> int:
        return len(getattr(self, fields(self)[0].name))


@dataclass
class TextTokens(Batched):
    """Tokenised texts.

    - ``input_ids`` (T, NT) long; padded with the tokenizer's padding id.
    - ``mask`` (T, NT) bool: True at tokens, special ones ([CLS], [SEP]) included; False at padding.
    - ``word_mask`` (T, NT) bool: True at words: neither padding nor special.
    - ``offsets`` (T, NT, 2) long: character span [start, end) of each token in its text; (0, 0) at specials, padding.
    """

    input_ids: Tensor
    mask: Tensor
    word_mask: Tensor
    offsets: Tensor

    def padded(self, length: int, padding_id: int) -> TextTokens:
        """The texts with padding up to ``length`` tokens, which is at least NT."""
        more = length - self.input_ids.shape[1]
        return TextTokens(
            input_ids=pad(self.input_ids, (0, more), value=padding_id),
            mask=pad(self.mask, (0, more), value=False),
            word_mask=pad(self.word_mask, (0, more), value=False),
            offsets=pad(self.offsets, (0, 0, 0, more)),
        )


@dataclass
class EncodedWords(Batched):
    """What a text encoder yields.

    - ``contextual`` (T, NT, D): words that have seen their sentence; position 0 is the text [CLS].
    - ``lexical`` (T, NT, D): words that have not (the embedding layer).
    """

    contextual: Tensor
    lexical: Tensor

    def mean(self, mask: Tensor) -> Tensor:
        """The mean (T, D) of the contextual words at which ``mask`` (T, NT) is True, at least one a text."""
        weight = mask.unsqueeze(-1).to(self.contextual.dtype)
        return (self.contextual * weight).sum(1) / weight.sum(1)


@dataclass
class ImageFeatures(Batched):
    """What SLAN knows of images before it meets a text (``SLAN.encode_image``).

    - ``boxes`` G_0 (B, Nq, 4); ``saliency`` S (B, Nq), image-only logits.
    - ``regions`` E_0^G (B, Nq, D): the feature map V pooled over G_0.
    - ``pyramid`` [F_1, ..., F_L], each (B, D, H_i, W_i), coarse to fine.
    - ``space_maps``: for each region-word term that word-activation maps are made of, the pyramid in its space, unit
      vectors at every cell, [(B, C, H_i, W_i), ...]; smoothed, means of such vectors.
    - ``region_space``: for each region-word term, unit vectors (B, M * Nq, C) of every region on each of the M maps
      V, F_1, ..., F_L in that order.
    - ``embedding`` (B, E): the unit vector that ITC compares.

    These two serve contrast alone: a task without it leaves them out, {} and None.

    - ``pair_space``: ``region_space`` again, where ITM reads it too (:class:`SimilarityFiltration`); else {}.
    """

    boxes: Tensor
    saliency: Tensor
    regions: Tensor
    pyramid: list[Tensor]
    space_maps: dict[str, list[Tensor]]
    region_space: dict[str, Tensor]
    embedding: Tensor
    pair_space: dict[str, Tensor] = field(default_factory=dict, kw_only=True)

    def for_pairs(self) -> ImageFeatures:
        """The record without what contrast alone reads: a lighter one to make pairs of."""
        return replace(self, region_space={}, embedding=None)  # type: ignore[arg-type]


@dataclass
class TextFeatures(Batched):
    """What SLAN knows of texts before it meets an image (``SLAN.encode_text``).

    - ``words`` E_0^T (T, NT, D), contextual; position 0 is the text [CLS].
    - ``mask`` (T, NT): True at tokens; ``word_mask`` (T, NT): True at words, without special tokens.
    - ``word_space``: for each region-word term, the words' unit vectors (T, NT, C).
    - ``embedding`` (T, E): the unit vector that ITC compares; None of a task without contrast.
    """

    words: Tensor
    mask: Tensor
    word_mask: Tensor
    word_space: dict[str, Tensor]
    embedding: Tensor


@dataclass
class Located(Batched):
    """What the locator makes of pairs (``SLAN.locate``).

    - ``regions`` E_L^G (P, NG, D); ``words`` E_L^T (P, NT, D).
    - ``region_mask`` (P, NG): True at kept regions.
    - ``token_mask`` (P, NT): True at tokens, special ones included; ``word_mask`` (P, NT): True at words alone.
    - ``boxes`` [G_0, ..., G_L], each (P, NG, 4): the kept regions before any adaptor and after each.
    - ``index`` (P, NG): which of the Nq regions each is; ``weight`` (P, NG): its normalised saliency.
    - ``saliency`` (P, Nq): the logits that the filter read.
    - ``vision_cls``, ``text_cls`` (P, D): mean of the kept regions; the word [CLS].
    """

    regions: Tensor
    words: Tensor
    region_mask: Tensor
    token_mask: Tensor
    word_mask: Tensor
    boxes: list[Tensor]
    index: Tensor
    weight: Tensor
    saliency: Tensor
    vision_cls: Tensor
    text_cls: Tensor


@dataclass
class MarkedText:
    """A text without its brackets, and each phrase's runs of characters [start, end) in it."""

    text: str
    spans: list[list[list[int]]]

    @property
    def phrases(self) -> list[str]:
        """The phrases' letters."""
        return [' '.join(self.text[start:end] for start, end in phrase) for phrase in self.spans]
