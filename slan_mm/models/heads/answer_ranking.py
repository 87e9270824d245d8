"""Ranking a closed list of texts by a decoder, in two stages as BLIP does (Li et al. 2022, section 5.3)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from slan_mm.models.heads.memory import Memory
from slan_mm.models.protocols import TextDecoder


@torch.no_grad()
def rank_texts(
    decoder: TextDecoder, memory: Memory, texts: Sequence[str], k: int = 128, chunk: int = 256
) -> tuple[Tensor, Tensor]:
    """The best of A ``texts`` for each of P rows of the memory.

    The first stage keeps the k texts whose first token is most likely (of equals, the first); the second compares the
    log-probabilities of whole texts. With k >= A the ranking is exact.

    Args:
        decoder: Scores texts.
        memory: Of P rows.
        texts: The list.
        k: Texts that reach the second stage.
        chunk: Pairs of a row and a text that are scored at once, which bounds memory.

    Returns:
        The number of the best text in the list, (P,), and its log-probability, (P,).
    """
    k = min(k, len(texts))
    first = decoder.first_scores(memory, texts)
    shortlist = first.sort(dim=1, descending=True, stable=True).indices[:, :k]
    rows = torch.arange(len(memory), device=shortlist.device).repeat_interleave(k)
    candidates = shortlist.flatten()
    scores = torch.cat(
        [
            decoder.log_probs(memory[row], [texts[index] for index in candidate.tolist()])
            for row, candidate in zip(rows.split(chunk), candidates.split(chunk), strict=True)
        ]
    ).view_as(shortlist)
    best, place = scores.max(dim=1)
    return shortlist.gather(1, place[:, None])[:, 0], best
