"""The state of P pairs between adaptors, and what is computed of images and texts once for all their pairs."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from slan_mm.structures import ImageFeatures, TextFeatures


@dataclass
class PairState:
    """P pairs between two levels.

    - ``regions`` E_i^G (P, NG, D), ``boxes`` G_i (P, NG, 4), ``region_mask`` (P, NG), True at kept regions.
    - ``words`` E_i^T (P, NT, D), ``token_mask`` (P, NT), True at tokens, special ones included; ``word_mask`` (P, NT),
      True at words alone. Attention reads the first mask, moves the second.
    """

    regions: Tensor
    boxes: Tensor
    region_mask: Tensor
    words: Tensor
    token_mask: Tensor
    word_mask: Tensor


@dataclass
class PreparedImages(ImageFeatures):
    """Images with what the locator computes from them alone.

    - ``regions`` (B, Nq, D): all regions, with the embedding of their place.
    - ``region_maps``: of each term of the maps, the finest map pooled over all regions (B, Nq, C), centred as
      word-activation maps are. A dot product and a mean commute: its similarities to words are their pooled maps.
      Empty where the filter reads no words.
    - ``key``, ``value`` (B, Nq, D): the first attention's projections of ``regions``, still without weights and biases;
      None where there is no adaptor.
    - ``projected``: of each adaptor its map by ``project_map``, (B, D, H_i, W_i); None for images that meet few texts.
    """

    region_maps: dict[str, Tensor]
    key: Tensor | None
    value: Tensor | None
    projected: list[Tensor] | None


@dataclass
class PreparedTexts(TextFeatures):
    """Texts with the first attention's ``key`` and ``value`` (T, NT, D) of their words; None without an adaptor."""

    key: Tensor | None
    value: Tensor | None
