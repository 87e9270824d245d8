"""Does ITM know these data? It is asked where the shortlist is surest: no labels are needed.

ITM overrules the shortlist. On images unlike those of its training (another size, more objects) it can be worse than
the shortlist that it re-ranks. An image and a text are a *mutual best pair* if each has the highest mixed score for the
other; most of these pairs are right. An ITM that ranks few of them first does not know the data.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from slan_mm.evaluation.cascade import Stage

#: With fewer mutual best pairs than these, their share says little.
FEWEST_PAIRS = 30


def itm_agreement(shortlists: Sequence[Stage], logits: Sequence[np.ndarray]) -> float | None:
    """The share of mutual best pairs in which ITM agrees, the mean of both ways; None: there are too few pairs.

    ITM agrees with a pair for its text if it ranks the image first; for its image, if it ranks a text first whose best
    image this is. With several captions an image it may choose another one than the shortlist.

    Args:
        shortlists: of N images the best texts (N, k), and of M texts the best images (M, k), best first.
        logits: ITM's logits of these, (N, k) and (M, k).
    """
    of_images, of_texts = (stage.candidates for stage in shortlists)
    best_text, best_image = of_images[:, 0], of_texts[:, 0]
    images = np.flatnonzero(best_image[best_text] == np.arange(len(of_images)))
    if len(images) < FEWEST_PAIRS:
        return None
    texts = best_text[images]
    itm_text = of_images[images, logits[0][images].argmax(1)]
    itm_image = of_texts[texts, logits[1][texts].argmax(1)]
    return float(np.mean([best_image[itm_text] == images, itm_image == images]))
