"""Scores of a gallery's pairs, in chunks; over several ranks each scores the images it encoded."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from mmengine.dist import all_gather_object, get_rank

from slan_mm.evaluation.evaluation_store import EvaluationStore
from slan_mm.evaluation.gallery import Gallery, place_of
from slan_mm.pair_index import PairIndex
from slan_mm.progress import Progress

_NAMES = {'itc': 'ITC'}
#: Texts that an image meets on average from which the locator's maps are worth projecting.
MANY_TEXTS = 64


@dataclass
class PairScores:
    """Scores of N images and M texts.

    - ``model``: see :meth:`RetrievalEvaluator.run`.
    - ``gallery``: with its features.
    - ``store``: keeps what is scored, and has what an earlier run has scored.
    - ``image_chunk``, ``text_chunk``, ``pair_chunk``: images and texts, and ITM's pairs, that are scored together.
    """

    model: Any
    gallery: Gallery
    store: EvaluationStore
    image_chunk: int
    text_chunk: int
    pair_chunk: int

    def all_pairs(self, *kinds: str) -> list[np.ndarray]:
        """The scores (N, M) float32 of each of ``kinds``: 'itc', 'shortlist' or 'region_word'.

        Features are read once for all kinds.

        Raises:
            ValueError: a score is NaN.
        """
        scorers = {kind: self._scorer(kind) for kind in kinds}
        return self._filled(
            {kind: lambda *chunk, score=score: score(*chunk[:2]) for kind, score in scorers.items()},
            'Scores of all pairs, images',
        )

    def some_pairs(self, kind: str, wanted: np.ndarray, others: np.ndarray) -> np.ndarray:
        """The scores (N, M) of the pairs where ``wanted`` (N, M) is True; elsewhere those of ``others`` (N, M).

        Raises:
            ValueError: a score is NaN.
        """
        mine, device, score = self.gallery.own, place_of(self.model)[0], self._scorer(kind)

        def score_wanted(image: Any, text: Any, rows: slice, columns: slice) -> np.ndarray:
            # Rows of a chunk only: a copy of all of this rank's would be as large as the scores.
            asked = wanted[mine[rows], columns]
            if asked.all():
                return score(image, text)
            values = others[mine[rows], columns]
            for row in np.flatnonzero(asked.any(axis=1)).tolist():
                texts = torch.from_numpy(np.flatnonzero(asked[row])).to(device)
                values[row, asked[row]] = score(image[row : row + 1], text[texts])[0]
            return values

        return self._filled({kind: score_wanted}, f'Scores of {wanted.sum()} pairs, images', which(wanted))[0]

    def _scorer(self, kind: str) -> Callable[[Any, Any], np.ndarray]:
        """Images and texts to their scores."""
        function = getattr(self.model, f'{kind}_scores')
        return lambda image, text: function(image, text).float().cpu().numpy()

    def _filled(
        self, functions: Mapping[str, Callable], what: str, of: Mapping[str, Any] | None = None
    ) -> list[np.ndarray]:
        """The (N, M) scores of each function, which takes images, texts, and which of this rank's images and of all
        texts they are. ``of``: what else they depend on."""
        gallery, place = self.gallery, place_of(self.model)
        mine = gallery.own
        kept = {name: self.store.scores(name, (len(mine), len(gallery.texts)), of=of or {}) for name in functions}
        done = min(scores.done for scores in kept.values())
        with Progress(what, len(mine), done=done) as progress:
            for rows, image in gallery.image_chunks(self.image_chunk, *place, start=done):
                for columns, text in gallery.text_chunks(self.text_chunk, *place):
                    for name, function in functions.items():
                        kept[name].values[rows, columns] = function(image, text, rows, columns)
                for scores in kept.values():
                    scores.mark(rows.stop)
                progress.step(rows.stop - rows.start)
        return [self._whole(scores.values, _NAMES.get(name, name), mine) for name, scores in kept.items()]

    def _whole(self, rows: np.ndarray, what: str, mine: np.ndarray) -> np.ndarray:
        """The (N, M) matrix from the ``rows`` of the images ``mine`` of every rank."""
        _check(rows, what)
        parts = all_gather_object((mine, rows))
        if len(parts) == 1:
            return rows
        whole = np.empty((len(self.gallery.image_ids), len(self.gallery.texts)), dtype=np.float32)
        for index_of_rank, rows_of_rank in parts:
            whole[index_of_rank] = rows_of_rank
        return whole

    def itm(self, lists: Sequence[np.ndarray], levels: int | None = None) -> list[np.ndarray]:
        """ITM logits of the candidates of both directions: (N, k) texts of images and (M, k) images of texts.

        A pair that is in both is scored once. Pairs are sorted by image, so that a chunk holds few images and moves
        each of them once. ``levels``: how many of the locator's; None: all.

        Raises:
            ValueError: a logit is NaN.
        """
        i2t, t2i = lists
        gallery, (device, dtype) = self.gallery, place_of(self.model)
        count = len(gallery.texts)
        wanted_i2t = np.arange(len(i2t))[:, None] * count + i2t
        wanted_t2i = t2i.astype(np.int64) * count + np.arange(count)[:, None]
        pairs = np.unique(np.concatenate([wanted_i2t.ravel(), wanted_t2i.ravel()]))
        mine = np.flatnonzero(gallery.owner[pairs // count] == get_rank())
        # Another k asks for other pairs.
        of = {'pairs': hashlib.sha256(pairs.tobytes()).hexdigest()}
        kept = self.store.scores('itm' if levels is None else f'itm_{levels}', mine.shape, of=of)
        options = {} if levels is None else {'levels': levels}
        logits = kept.values
        # A model may compute once what it needs of the images of several chunks.
        prepare = getattr(self.model, 'prepare_images', lambda image, many_texts: image)
        many_texts = len(mine) >= MANY_TEXTS * len(gallery.own)
        held: tuple[torch.Tensor, Any] | None = None
        with Progress(f'ITM scores, {len(pairs)} pairs in all', len(mine), done=kept.done) as progress:
            for start in range(kept.done, len(mine), self.pair_chunk):
                part = torch.from_numpy(pairs[mine[start : start + self.pair_chunk]]).to(device)
                index, images, texts = PairIndex.among(part // count, part % count)
                if held is None or not torch.equal(images, held[0]):
                    image = gallery.images.take(torch.from_numpy(gallery.row[images.cpu().numpy()]), device, dtype)
                    held = images, prepare(image, many_texts)
                text = gallery.text_features.take(texts.cpu(), device, dtype)
                scores = self.model.itm_scores(held[1], text, index, **options)
                logits[start : start + len(part)] = scores.float().cpu().numpy()
                kept.mark(start + len(part))
                progress.step(len(part))
        _check(logits, 'ITM')
        everywhere = np.empty(len(pairs), dtype=np.float32)
        for index_of_rank, logits_of_rank in all_gather_object((mine, logits)):
            everywhere[index_of_rank] = logits_of_rank
        return [everywhere[np.searchsorted(pairs, wanted)] for wanted in (wanted_i2t, wanted_t2i)]


def which(wanted: np.ndarray) -> dict[str, str]:
    """What scores of the pairs at which ``wanted`` (N, M) is True depend on."""
    return {'pairs': hashlib.sha256(np.packbits(wanted).tobytes()).hexdigest()}


def _check(scores: np.ndarray, what: str) -> None:
    bad = int(np.isnan(scores).sum())
    if bad:
        raise ValueError(
            f'{bad} of {scores.size} {what} scores are NaN. The weights may have diverged, or half precision '
            'overflowed; try without fp16, and with store_dtype=None.'
        )
