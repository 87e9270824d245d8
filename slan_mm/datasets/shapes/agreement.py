"""What of a caption holds in a scene: by it a wrongly retrieved picture tells what a model does not see."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

import numpy as np

from slan_mm.datasets.shapes.grammar import JOINERS, true_joiners
from slan_mm.datasets.shapes.scene import COLORS, SHAPES, SIZES, Scene

#: What can hold, each as a share of what a caption says of it.
ASPECTS = ('colours', 'shapes', 'colours with their shapes', 'sizes', 'relations')
_JOINER = re.compile(f' ({"|".join(JOINERS)}) ')
_PHRASE = f'(?:(?:{"|".join(SIZES)}) )?(?:{"|".join(COLORS)}) (?:{"|".join(SHAPES)})'
_CAPTION = re.compile(f'{_PHRASE}(?: (?:{"|".join(JOINERS)}) {_PHRASE})*')


def parse_caption(text: str) -> tuple[list[tuple[str | None, str, str]], list[str]]:
    """The (size or None, colour, shape) of each phrase of a caption, and what joins them."""
    parts = _JOINER.split(text)
    phrases = [part.split() for part in parts[::2]]
    return [(words[0] if len(words) == 3 else None, words[-2], words[-1]) for words in phrases], parts[1::2]


def agreement(text: str, scene: Scene) -> dict[str, float]:
    """The share of each of ``ASPECTS`` of a caption that holds in a scene; an aspect it says nothing of is left out.

    Sizes and relations are asked of objects that are there; relations are all joiners but 'and'.
    """
    phrases, joiners = parse_caption(text)
    objects = {(item.color, item.shape): item for item in scene.objects}
    kinds = [(color, shape) for _, color, shape in phrases]
    found = [objects.get(kind) for kind in kinds]
    sizes = [item.size == size for (size, *_), item in zip(phrases, found, strict=True) if size and item]
    relations = [
        joiner in true_joiners(first, second, scene.image_size)
        for joiner, first, second in zip(joiners, found, found[1:], strict=False)
        if joiner != 'and' and first and second
    ]
    held = {
        'colours': _share([color for color, _ in kinds], [color for color, _ in objects]),
        'shapes': _share([shape for _, shape in kinds], [shape for _, shape in objects]),
        'colours with their shapes': float(np.mean([item is not None for item in found])),
    }
    return held | {
        name: float(np.mean(values)) for name, values in (('sizes', sizes), ('relations', relations)) if values
    }


def is_caption(text: str) -> bool:
    """Whether a text is phrases of the grammar, one or more, with joiners between them."""
    return _CAPTION.fullmatch(text) is not None


def is_true(text: str, scene: Scene) -> bool:
    """Whether a text is a caption, names no thing twice, and all that it says holds in a scene."""
    if not is_caption(text):
        return False
    kinds = [(color, shape) for _, color, shape in parse_caption(text)[0]]
    return len(set(kinds)) == len(kinds) and all(share == 1 for share in agreement(text, scene).values())


def _share(wanted: Sequence[str], there: Sequence[str]) -> float:
    return sum((Counter(wanted) & Counter(there)).values()) / len(wanted)


def best_recall(fits: np.ndarray) -> tuple[float, float]:
    """R@1 in percent, (i2t, t2i), of who knows no more than which text fits which picture and guesses among these.

    ``fits`` (N, N) bool, picture n with text m; text n is picture n's, and the diagonal is True.
    """
    return float(100 * (1 / fits.sum(1)).mean()), float(100 * (1 / fits.sum(0)).mean())
