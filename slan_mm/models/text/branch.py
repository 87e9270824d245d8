"""The text branch of SLAN: all features of texts that do not depend on an image."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn
from torch.nn.functional import normalize

from slan_mm.models import protocols
from slan_mm.models.projection import projector
from slan_mm.models.sizes import build_sized
from slan_mm.models.text.whole_words import join_pieces, piece_weight
from slan_mm.registry import MODELS
from slan_mm.structures import EncodedWords, TextFeatures, TextTokens


@MODELS.register_module()
class TextBranch(BaseModule):
    """Texts to :class:`TextFeatures`: encoder, and its projections.

    Args:
        encoder: Config of the text encoder.
        embed_dims, itc_dims, space_dims, itc_hidden, itc_dropout: As for :class:`ImageBranch`.
        embedding: What ITC compares: 'cls', the text [CLS] (EOS or another token for architectures that read the
            whole text there), or 'mean', the mean of the tokens, for text encoders that
            were trained so, e.g. sentence encoders.
        whole_words: Whether a word that the tokenizer cuts into pieces is one word for maps, filters and phrases: the
            mean of its pieces in the region-word spaces. ITC and the locator's attention read tokens. Not with LM.
        word_dropout: Share of words that are left out of the mean and of ``word_mask`` in training. A text that would
            lose all words keeps them.
    """

    def __init__(
        self,
        encoder: dict,
        embed_dims: int,
        itc_dims: int,
        space_dims: dict[str, int],
        itc_hidden: int | None = None,
        itc_dropout: float = 0.0,
        embedding: str = 'cls',
        word_dropout: float = 0.0,
        whole_words: bool = False,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        if embedding not in ('cls', 'mean'):
            raise ValueError(f"embedding must be 'cls' or 'mean', got {embedding!r}")
        self.embedding = embedding
        self.word_dropout = word_dropout
        self.whole_words = whole_words
        self.encoder: protocols.TextEncoder = build_sized(encoder, 'text.encoder', embed_dims=embed_dims)
        self.itc_projection = projector(self.encoder.hidden_dims, itc_dims, itc_hidden, itc_dropout)
        self.spaces = nn.ModuleDict({term: nn.Linear(embed_dims, dims) for term, dims in space_dims.items()})

    def tokenize(self, texts: Sequence[str]) -> TextTokens:
        """Tokens of T >= 1 texts."""
        tokens = self.encoder.tokenize(texts)
        return join_pieces(tokens, texts) if self.whole_words else tokens

    def mask(
        self,
        tokens: TextTokens,
        masking: Callable[[int, TextTokens, protocols.TextEncoder], tuple[TextTokens, Tensor]],
        iteration: int,
    ) -> tuple[TextTokens, Tensor]:
        """``tokens`` with words masked for LM, and their labels; ``masking`` is a :class:`WordMasking`."""
        return masking(iteration, tokens, self.encoder)

    def itc_modules(self) -> list[nn.Module]:
        """What ITC alone reads."""
        return [self.itc_projection]

    def forward(self, tokens: TextTokens, contrast: bool = True) -> TextFeatures:
        """``tokens``: T texts. A [MASK] is a token of the text, but no word of ``word_mask``.

        Without ``contrast`` the result has no ``embedding``.
        """
        own = self.encoder.extract(tokens)
        encoded = self.encoder.project(own)
        word_mask, mask_id = tokens.word_mask, self.encoder.tokenizer.mask_token_id
        if mask_id is not None:
            word_mask = word_mask & (tokens.input_ids != mask_id)
        dropped = torch.zeros_like(word_mask)
        if self.training and self.word_dropout:
            dropped = word_mask & (torch.rand(word_mask.shape, device=word_mask.device) < self.word_dropout)
            # A text of which nothing would be left keeps all.
            dropped = dropped & (word_mask & ~dropped).any(1, keepdim=True)
            word_mask = word_mask & ~dropped
        # There is always a word: a text of nothing but [MASK]s keeps them, an empty one its special tokens.
        for tokens_left in (tokens.word_mask, tokens.mask):
            word_mask = word_mask | (tokens_left & ~word_mask.any(1, keepdim=True))
        word_space = self.word_space(own, encoded)
        if self.whole_words:
            weight = piece_weight(tokens)
            word_space = {term: normalize(weight.to(words.dtype) @ words, dim=-1) for term, words in word_space.items()}
        return TextFeatures(
            words=encoded.contextual,
            mask=tokens.mask,
            word_mask=word_mask,
            word_space=word_space,
            # Special tokens are never dropped.
            embedding=self.embed(own, tokens.mask & ~dropped) if contrast else None,  # type: ignore[arg-type]
        )

    def word_space(self, own: EncodedWords, encoded: EncodedWords) -> dict[str, Tensor]:
        """Of each region-word term unit vectors (T, NT, C) of the words ``encoded`` to width D.

        ``own``, the encoder's own words, are not read.
        """
        return {term: normalize(space(getattr(encoded, term)), dim=-1) for term, space in self.spaces.items()}

    def embed(self, own: EncodedWords, mask: Tensor) -> Tensor:
        """ITC's unit vectors (T, E) of the encoder's own words; ``mask`` (T, NT), True at tokens of the mean."""
        # Their projection to a narrower D would cost ITC.
        summary = own.mean(mask) if self.embedding == 'mean' else own.contextual[:, 0]
        return normalize(self.itc_projection(summary), dim=-1)
