"""The interfaces of the exchangeable components.

Any ``torch.nn.Module`` that is registered in ``slan_mm.registry.MODELS`` and has these members will do; it need not
inherit from ours. It is built from its config and the sizes that the rest of the model sets, which each protocol
names. Shapes are those of :mod:`slan_mm.structures`: B images, T texts, P pairs, Nq queries, NG kept regions, NT words,
D width, E width of ITC's embeddings, C of a region-word space. See docs/extend.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from torch import Tensor, nn

if TYPE_CHECKING:
    from slan_mm.models.heads.memory import Memory
    from slan_mm.pair_index import PairIndex
    from slan_mm.structures import EncodedWords, Located, TextTokens


class ImageEncoder(Protocol):
    """``image.encoder``; built with ``embed_dims`` D. For another backbone use the shipped one."""

    #: Channels C_l of the levels, fine to coarse.
    in_channels: Sequence[int]

    def extract(self, inputs: Any) -> list[Tensor]:
        """Images (B, 3, H, W), normalised, to levels (B, C_l, H_l, W_l); levels are returned as they are."""

    def project(self, levels: Sequence[Tensor]) -> Tensor:
        """Levels to V (B, D, H, W)."""

    def resize(self, maps: Sequence[Tensor]) -> list[Tensor]:
        """Levels at one resolution; called only where maps are smoothed (``image.smoothing``)."""


class VisionDecoder(Protocol):
    """``image.decoder``; built with ``embed_dims`` D and ``in_channels``, those of the encoder's levels."""

    #: Levels L of the pyramid.
    num_levels: int

    def __call__(self, feature_map: Tensor, levels: list[Tensor]) -> list[Tensor]:
        """V (B, D, H, W) and the encoder's levels to [F_1, ..., F_L], each (B, D, H_i, W_i), coarse to fine."""


class Detector(Protocol):
    """``image.detector``; built with ``embed_dims`` D."""

    def __call__(self, feature_map: Tensor) -> tuple[Tensor, Tensor]:
        """V (B, D, H, W) to boxes G_0 (B, Nq, 4) and saliency logits (B, Nq)."""


class Pooling(Protocol):
    """``image.pooling`` and every other ``pooling``."""

    def __call__(self, feature_map: Tensor, boxes: Tensor, pairs: PairIndex | None = None) -> Tensor:
        """Maps of B images (B, D, H, W) and boxes (P, N, 4) to (P, N, D), linear in the maps.

        Boxes p are those of image ``pairs.image[p]``; None: of image p.
        """


class ImageEmbedding(Protocol):
    """``image.embedding``; built with ``embed_dims`` D and ``in_channels``, those of the encoder's levels."""

    #: Width of the result.
    out_dims: int

    def __call__(self, regions: Tensor, feature_map: Tensor, levels: Sequence[Tensor]) -> Tensor:
        """Regions (B, Nq, D), V (B, D, H, W) and the encoder's levels to (B, ``out_dims``)."""


class Smoothing(Protocol):
    """``image.smoothing``."""

    def __call__(self, maps: Sequence[Tensor], levels: Tensor) -> list[Tensor]:
        """Maps (B, C, H_i, W_i), smoothed by the encoder's levels (B, sum of C_l, H, W), which stand side by side."""


class TextEncoder(Protocol):
    """``text.encoder``; built with ``embed_dims`` D. Of a frozen one (soft targets) ``frozen`` is True."""

    #: A ``transformers`` tokenizer.
    tokenizer: Any
    #: Most tokens of a text.
    max_words: int
    #: Width of what ``extract`` gives.
    hidden_dims: int

    def tokenize(self, texts: Sequence[str]) -> TextTokens:
        """Tokens of T texts."""

    def count_tokens(self, text: str) -> int:
        """How many of ``max_words`` a whole text takes, special tokens included."""

    def extract(self, tokens: TextTokens) -> EncodedWords:
        """The encoder's own words (T, NT, ``hidden_dims``)."""

    def project(self, words: EncodedWords) -> EncodedWords:
        """Words of width D."""


class WordEmbedder(TextEncoder, Protocol):
    """A text encoder that can be trained with LM (``objective.weights.lm`` over 0)."""

    #: Rows of the matrix of word embeddings.
    vocab_size: int
    word_embeddings: nn.Embedding


class RegionFilter(Protocol):
    """``locator.region_filter``."""

    #: Whether saliency is read from the words (``saliency_logits``); else it is the detector's.
    conditioned: bool

    def saliency_logits(self, similarity: Tensor, word_mask: Tensor) -> Tensor:
        """Cosines (P, Nq, NT) and the words' mask (P, NT) to logits (P, Nq); called only if ``conditioned``."""

    def __call__(self, logits: Tensor, boxes: Tensor, pairs: PairIndex) -> tuple[Tensor, Tensor, Tensor]:
        """Saliency logits (P, Nq) to index (P, NG) of regions, their weight (P, NG) and mask (P, NG), one True a row.

        ``boxes`` are G_0 (B, Nq, 4) of the pairs' images.
        """


class Attention(Protocol):
    """``attention`` of an adaptor, and of NLVR's head; built with ``embed_dims`` D.

    The last three serve many texts of one image, whose regions are projected once.
    """

    def __call__(
        self, regions: Tensor, words: Tensor, region_mask: Tensor, token_mask: Tensor, projections: Any = None
    ) -> tuple[Tensor, Tensor]:
        """Regions (P, NG, D) and words (P, NT, D) with their masks, True where one takes part: both, updated."""

    def project_unweighted(self, regions: Tensor) -> tuple[Tensor, Tensor]:
        """Keys and values of regions (B, N, D), linear, for :meth:`weighted`."""

    def project_words(self, words: Tensor) -> tuple[Tensor, Tensor]:
        """Keys and values of words (T, NT, D)."""

    def weighted(self, key: Tensor, value: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
        """Keys and values of regions times ``weight`` (P, NG, 1), which become ``projections`` with the words'."""


class Move(Protocol):
    """``move`` of an adaptor."""

    def __call__(self, boxes: Tensor, activation: Tensor, word_mask: Tensor) -> Tensor:
        """Boxes (P, N, 4), word-activation map (P, NT, H, W) and words' mask (P, NT) to moved boxes.

        Boxes are (cx, cy, w, h) in 0 to 1; the result lies in the image, see ``clip_boxes``, and carries a gradient to
        the map.
        """


class ContrastiveLoss(Protocol):
    """``objective.itc``; built with ``embed_dims`` E."""

    def similarity(self, image: Tensor, text: Tensor) -> Tensor:
        """Logits (B, T) of unit vectors (B, E) and (T, E)."""

    def __call__(
        self,
        image: Tensor,
        text: Tensor,
        ids: Tensor,
        momentum: tuple[Tensor, Tensor] | None = None,
        target: Tensor | None = None,
    ) -> Tensor:
        """The loss of B pairs of unit vectors (B, E); ``ids`` (B,) of their images.

        ``momentum``: embeddings by the momentum encoders (``objective.momentum``); ``target`` (B, B * ranks): the
        distributions of ``objective.soft_targets``. Both are None without these options.
        """


class RegionWordLoss(Protocol):
    """``objective.region_word``, one a term; built with ``word_dims`` C if the term is ``objective.calibrated``."""

    def similarity(self, regions: Tensor, words: Tensor, word_mask: Tensor) -> Tensor:
        """Logits (B, T) of unit vectors (B, R, C), (T, NT, C) and the words' mask (T, NT)."""

    def word_calibration(self, words: Tensor) -> tuple[Tensor, Tensor]:
        """The weight, over 0, and the usual cosine of each of the words (..., C); called only for calibrated terms."""

    def __call__(
        self, regions: Tensor, words: Tensor, word_mask: Tensor, ids: Tensor, target: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """The loss of B pairs, and the logits (B, B * ranks) of own images with all texts."""


class RegressionLoss(Protocol):
    """``objective.regression``."""

    def __call__(self, boxes: list[Tensor], mask: Tensor, weight: Tensor) -> Tensor:
        """The loss of [G_0, ..., G_L], each (P, NG, 4); mask (P, NG), True at kept regions; weight (P, NG)."""


class MatchHead(Protocol):
    """``objective.itm``; built with ``embed_dims`` D."""

    def __call__(self, located: Located) -> Tensor:
        """Match logits (P,)."""


class Processor(Protocol):
    """``model.processor``, which reads files and arrays; ``slan_mm.apis.init_model`` sets the shipped one.

    A batch is as a data loader makes it: what the data preprocessor takes.
    """

    def batches(self, pictures: Any, batch_size: int) -> Iterator[dict]:
        """Batches of at most ``batch_size`` images, in their order."""

    def phrases(self, picture: Any, text: str) -> dict:
        """A batch of one image and one text, its sample with ``text`` and ``phrases``."""


class TextDecoder(Protocol):
    """``decoder`` of a model that generates text; built with the text encoder's ``tokenizer``."""

    #: Width W of the memory.
    width: int

    def loss(self, memory: Memory, texts: Sequence[str]) -> tuple[Tensor, Tensor]:
        """Cross-entropy of each of P texts, summed over its tokens, and the number of these; (P,) each."""

    def write(self, memory: Memory) -> tuple[list[str], Tensor]:
        """P texts and their log-probabilities (P,)."""

    def first_scores(self, memory: Memory, texts: Sequence[str]) -> Tensor:
        """Log-probability of the first token of A texts, (P, A); called only to rank a list of answers."""

    def log_probs(self, memory: Memory, texts: Sequence[str]) -> Tensor:
        """Log-probabilities (P,) of P texts; called only to rank a list of answers."""
