"""Sizes of a component that other components set: passed when it is built, and checked; no config repeats them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from slan_mm.registry import MODELS


def build_sized(config: Mapping, place: str, **sizes: Any) -> Any:
    """Builds a component of ``MODELS`` with the ``sizes`` that the rest of the model sets.

    ``place`` is the place of its config in the model's, for messages, e.g. 'image.decoder'.

    Raises:
        ValueError: The config gives one of the sizes another value.
    """
    for name, value in sizes.items():
        given = config.get(name, value)
        if _plain(given) != _plain(value):
            raise ValueError(
                f'{place}.{name} is {given}, the rest of the model makes it {_plain(value)}: leave it out of the '
                'config, it is found when the model is built'
            )
    return MODELS.build({**config, **sizes})


def check_divides(place: str, option: str, number: int, width: int) -> None:
    """Heads and groups share a width evenly.

    Raises:
        ValueError: ``number``, the value of ``option`` at ``place`` of the config, does not divide ``width``.
    """
    if width % number:
        fitting = [divisor for divisor in range(1, width + 1) if width % divisor == 0]
        raise ValueError(
            f'{place}.{option} is {number}, which does not divide its width {width}: give one of {fitting}'
        )


def check_pair_widths(pair_dims: int, itc_dims: int, space_dims: Mapping[str, int]) -> None:
    """What is compared in the space of an image-text pair has its width.

    Raises:
        ValueError: ITC or the lexical term has another one, or there is another term.
    """
    if itc_dims != pair_dims or dict(space_dims) != {'lexical': pair_dims}:
        raise ValueError(
            f"the pair's embeddings have {pair_dims} numbers, and its words are contextual: set model.itc_dims="
            f'{pair_dims} and model.space_dims=dict(_delete_=True, lexical={pair_dims}), not {itc_dims} and '
            f'{dict(space_dims)}'
        )


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, list | tuple) else value
