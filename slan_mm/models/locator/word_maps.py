"""Word-activation maps: where in an image each word of a text responds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce

import torch
from torch import Tensor

from slan_mm.pair_index import PairIndex


def term_similarity(words: Mapping[str, Tensor], cells: Mapping[str, Tensor], pairs: PairIndex) -> Tensor:
    """The sum over region-word terms of the cosines of words and cells, (P, NT, N).

    ``words``: of each term the words of the pairs' texts (P, NT, C), more terms than needed; ``cells``: of each term
    that counts what the B images have (B, C, N).
    """
    return reduce(torch.add, [pairs.matmul(words[term], values) for term, values in cells.items()])


def activation_map(
    words: Mapping[str, Tensor], maps: Mapping[str, Tensor], pairs: PairIndex, centred: bool = True
) -> Tensor:
    """The word-activation maps M = F_i E^T of pairs (P, NT, H, W), summed over the terms of ``maps``.

    ``words``: the words of the pairs' texts in each term's space (P, NT, C); ``maps``: F_i of the B images in these
    spaces (B, C, H, W).

    ``centred`` subtracts each word's mean over the image: a word that responds everywhere, such as "and", names no
    place, and must neither keep nor move regions.
    """
    activation = term_similarity(words, {term: level.flatten(2) for term, level in maps.items()}, pairs)
    if centred:
        activation = activation - activation.mean(-1, keepdim=True)
    return activation.unflatten(2, next(iter(maps.values())).shape[-2:])


def level_maps(space_maps: Mapping[str, Sequence[Tensor]], level: int) -> dict[str, Tensor]:
    """The maps of one ``level`` of each term, from 0; -1 is the finest."""
    return {term: levels[level] for term, levels in space_maps.items()}
