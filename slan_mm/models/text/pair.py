"""The text side of a pre-trained image-text pair (CLIP, SigLIP): SLAN's embedding and words start as the pair's own.

Shapes: T texts, NT tokens, E width of the pair's space.
"""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from slan_mm.models.sizes import check_pair_widths
from slan_mm.models.text.architectures import find_pair_tower
from slan_mm.models.text.branch import TextBranch
from slan_mm.models.text.encoder import TextEncoder
from slan_mm.models.zero_gate import ZeroGate
from slan_mm.registry import MODELS
from slan_mm.structures import EncodedWords


@MODELS.register_module()
class PairTextEncoder(TextEncoder):
    """The text tower of a pair with its projection.

    Args:
        encoder: What :class:`TextEncoder` takes.

    Raises:
        OSError, ValueError: See there.
        ValueError: It is no text tower of a pair.
    """

    find_architecture = staticmethod(find_pair_tower)

    @property
    def pair_dims(self) -> int:
        """E."""
        return self._projection.out_features

    @property
    def _projection(self) -> nn.Linear:
        return self.backbone.get_submodule(self.facts.projection)  # type: ignore[return-value]

    def pair_words(self, words: Tensor) -> Tensor:
        """The encoder's own contextual ``words`` (..., C) in the pair's space, unit vectors (..., E).

        Word 0 of a text becomes the pair's embedding of this text.
        """
        with torch.no_grad() if self.frozen else nullcontext():
            return normalize(self._projection(words), dim=-1)


@MODELS.register_module()
class PairTextBranch(TextBranch):
    """A text branch whose embedding and words start as the pair's; its own are added by gates that start at 0.

    A lexical word is the pair's projection of the word in its sentence.

    Args:
        branch: What :class:`TextBranch` takes, with a :class:`PairTextEncoder`. The only region-word term is
            'lexical', and it and ITC have the pair's width.

    Raises:
        ValueError: Widths, terms or encoder are others.
    """

    encoder: PairTextEncoder  # type: ignore[assignment]

    def __init__(self, **branch: Any) -> None:
        super().__init__(**branch)
        if not isinstance(self.encoder, PairTextEncoder):
            raise ValueError("PairTextBranch: set text.encoder.type='PairTextEncoder'.")
        check_pair_widths(self.encoder.pair_dims, branch['itc_dims'], branch['space_dims'])
        self.itc_gate, self.word_gate = ZeroGate(), ZeroGate()

    def itc_modules(self) -> list[nn.Module]:
        return [*super().itc_modules(), self.itc_gate]

    def word_space(self, own: EncodedWords, encoded: EncodedWords) -> dict[str, Tensor]:
        pair = self.encoder.pair_words(own.contextual)
        return {term: self.word_gate(pair, words) for term, words in super().word_space(own, encoded).items()}

    def embed(self, own: EncodedWords, mask: Tensor) -> Tensor:
        pair = self.encoder.pair_words(own.contextual[:, 0])
        return self.itc_gate(pair, super().embed(own, mask))
