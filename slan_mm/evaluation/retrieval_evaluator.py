"""Image-text retrieval: a shortlist of all pairs, then + ITM on the features that are already there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from mmengine.logging import print_log
from mmengine.model import is_model_wrapper

from slan_mm.evaluation.cascade import Cascade, ITMScorer, Stage, itm_stages
from slan_mm.evaluation.dataset_title import dataset_title
from slan_mm.evaluation.evaluation_store import EvaluationStore, store_header
from slan_mm.evaluation.gallery import Gallery, encode_gallery
from slan_mm.evaluation.itm_agreement import itm_agreement
from slan_mm.evaluation.pair_scores import PairScores
from slan_mm.evaluation.querybank import Querybank
from slan_mm.evaluation.rerank import Direction, asked_pairs, best_of, rank
from slan_mm.evaluation.score_search import ScoreSearch, mean_recall, recalls_of
from slan_mm.models.inference import evaluating, weight_of_itm
from slan_mm.registry import EVALUATOR


@EVALUATOR.register_module()
class RetrievalEvaluator:
    """R@1/5/10, mean and median rank of images by text (t2i) and of texts by image (i2t).

    Every image and every text is encoded once. All pairs get ``shortlist_scores`` (SLAN: ITC and region-word terms);
    the k best of each query, k clamped to the gallery, are scored again from the same features by that score +
    ``itm_weight`` * ITM, where both are the model's logits. Candidates outside of the shortlist stay below it. A model
    with ``score_weights`` brings the weights of the region-word terms and of ITM along; with ``choose_weights`` this
    evaluation chooses them, see :class:`ScoreSearch`, and leaves them in the model.
    Ties count against the model: a wrong candidate with the score of the right one stands before it, see
    :func:`gold_ranks`. A text's gold image is its own; an image's gold texts are all of its own, and its rank is that
    of the best one.

    Memory: the features, on the CPU or in ``store``, and two N x M float32 matrices of scores (0.5 GB each for
    5,000 x 25,000); everything else goes in chunks. Over several ranks each scores the images it encoded.

    With a ``store`` features and scores are kept on disk, and an evaluation that was interrupted goes on from them: no
    image and no text is encoded again, and of the scores the last few seconds at most. A store of other weights,
    another config or other data is refused. Without ``store_dtype`` metrics are those without a store; with float16
    they are those of ``store_dtype='float16'`` in memory, where a feature's relative error is at most 2^-11.

    ``retrieval/...`` are the metrics after re-ranking, ``retrieval_shortlist/...`` those before, and
    ``retrieval_itc/...`` those of ITC alone: ``i2t_R1``, ``i2t_R5``, ``i2t_R10``, ``i2t_meanR``, ``i2t_medR``, and
    ``t2i_...``; R in percent. ``fast`` leaves the first out. ``retrieval_weights/...`` are the model's own weights; and
    ``choose_weights`` adds ``retrieval/mean_recall``, of the six recalls of the final score, and what
    :meth:`ScoreSearch.metrics` gives.

    Args:
        k, m, full_k: see :class:`Cascade`, both ways: k is the length of the shortlist, with m only the m best by ITC
            get the mixed score, and with full_k only that many go through all levels of the locator. None: the full
            computation. Candidates that a score does not look at stay below those that it does.
        itm_weight: weight of the ITM logit beside the shortlist's score; None: that of the model's ``score_weights``, 1
            where it has none.
        choose_weights: choose the weights of the final score on these images and texts; for held-out ones.
        min_agreement: use ITM only if its :func:`itm_agreement` with the mixed score is at least this, from 0 to 1;
            otherwise the shortlist's order stays. So ITM does no harm on data that it does not know. A query's result
            then depends on the other queries. None: always use ITM.
        fast: leave ITM out; chosen weights leave it out, too.
        image_chunk, text_chunk: images and texts scored together without ITM.
        pair_chunk: pairs scored together by ITM.
        store_dtype: 'float16' or 'bfloat16' halves the feature store; None keeps the model's type. Scores are
            computed in the model's own type.
        querybank: arguments of :class:`Querybank`, which lowers the scores of candidates that fit every query, those
            that shortlists are drawn by and, with them, the final ones; ITC alone stays as it is. The bank is encoded
            and scored in every run, ``store`` or not. None: scores are the model's.
        store: folder to keep features and scores in, e.g. ``work_dirs/retrieval_store``; of several ranks, one that all
            of them see. It stays until it is removed. None: in memory.
        prefix: takes the place of ``retrieval``.
        setting: how the weights came about, e.g. 'zero-shot' or 'fine-tuned'; stands in the protocol line.
        items: what the texts are matched with, e.g. 'videos'; stands in the protocol line.

    Attributes:
        run_config: what the run's config says of model and data set, where the loop tells it; a store depends on it.
        gallery: the last run's :class:`Gallery`, without the features, which are dropped at the end of the run.
        i2t, t2i: the last run's :class:`Direction`, for pictures and tables of errors.
    """

    def __init__(
        self,
        k: int = 128,
        itm_weight: float | None = None,
        choose_weights: bool = False,
        min_agreement: float | None = None,
        fast: bool = False,
        image_chunk: int = 64,
        text_chunk: int = 256,
        pair_chunk: int = 256,
        store_dtype: str | None = None,
        store: str | None = None,
        querybank: dict | None = None,
        m: int | None = None,
        full_k: int | None = None,
        prefix: str = 'retrieval',
        setting: str | None = None,
        items: str = 'images',
    ) -> None:
        sizes = {'image_chunk': image_chunk, 'text_chunk': text_chunk, 'pair_chunk': pair_chunk}
        for name, value in sizes.items():
            if value < 1:
                raise ValueError(f'RetrievalEvaluator: {name} must be at least 1, got {value}.')
        if store_dtype not in (None, 'float16', 'bfloat16', 'float32'):
            raise ValueError(f'RetrievalEvaluator: store_dtype {store_dtype!r} is not a floating type it knows.')
        try:
            self.cascade = Cascade(k, m, full_k)
        except ValueError as error:
            raise ValueError(f'RetrievalEvaluator: {error}') from error
        if choose_weights and (m is not None or full_k is not None):
            raise ValueError('RetrievalEvaluator: choose_weights tries weights on all scores; leave m and full_k out.')
        if choose_weights and itm_weight is not None:
            raise ValueError('RetrievalEvaluator: give itm_weight, or have it chosen by choose_weights.')
        if min_agreement is not None:
            if choose_weights or fast or full_k is not None:
                raise ValueError(
                    'RetrievalEvaluator: min_agreement looks at the ITM logits of the whole shortlist; leave '
                    'choose_weights, fast and full_k out.'
                )
            if not 0 <= min_agreement <= 1:
                raise ValueError(f'RetrievalEvaluator: min_agreement must be from 0 to 1, got {min_agreement}.')
        self.itm_weight = itm_weight
        self.min_agreement = min_agreement
        self.choose_weights = choose_weights
        self.fast = fast
        self.image_chunk = image_chunk
        self.text_chunk = text_chunk
        self.pair_chunk = pair_chunk
        self.store_dtype: torch.dtype | None = getattr(torch, store_dtype) if store_dtype else None
        self.store = store
        self.querybank = None if querybank is None else Querybank(**querybank)
        self.run_config: Mapping[str, Any] | None = None
        self.prefix = prefix
        self.setting = setting
        self.items = items
        self.gallery: Gallery | None = None
        self.i2t: Direction | None = None
        self.t2i: Direction | None = None

    def run(self, model: Any, dataloader: Any) -> dict[str, float]:
        """Evaluates ``model`` on all samples of ``dataloader``.

        Args:
            model: SLAN, or anything with ``data_preprocessor(batch, False)``, ``encode_image``, ``encode_text``,
                ``itc_scores``, ``shortlist_scores`` and ``itm_scores``; may be wrapped for several ranks.
            dataloader: see :func:`slan_mm.evaluation.gallery.encode_gallery`.

        Returns:
            The metrics, the same on every rank.

        Raises:
            ValueError: if the data set is empty, a sample has no text, or a score is NaN.
            FeatureStoreError: if ``store`` is of another checkpoint, config or data set, or is damaged.
        """
        model = model.module if is_model_wrapper(model) else model
        if self.choose_weights and getattr(model, 'score_weights', None) is None:
            raise ValueError('choose_weights: the model has no weights to choose; set model.score_weights=dict()')
        with evaluating(model):
            return self._run(model, dataloader)

    def _run(self, model: Any, dataloader: Any) -> dict[str, float]:
        store = EvaluationStore()
        try:
            if self.store is not None:
                header = store_header(model, dataloader, self.store_dtype, self.run_config)
                store = EvaluationStore(self.store, header)
            gallery = encode_gallery(model, dataloader, self.store_dtype, store)
            self._log_protocol(gallery, dataloader, model)
            pairs = PairScores(model, gallery, store, self.image_chunk, self.text_chunk, self.pair_chunk)
            to_text, itc, first = self._first(pairs)
            search = None
            if self.choose_weights:
                search = ScoreSearch(itc, to_text, gallery.text_image)
                to_text = search.scores(search.region_word)
                model.score_weights.set(search.region_word, 0.0, gallery.fingerprint)
            to_image = to_text.T
            if self.querybank is not None:
                chunks = self.image_chunk, self.text_chunk
                image_bias, text_bias = self.querybank.biases(model, gallery, *chunks, self.store_dtype)
                to_text, to_image = to_text - text_bias, to_image - image_bias
            short = [best_of(scores, of, self.cascade.k) for scores, of in zip((to_text, to_image), first, strict=True)]
            itm: ITMScorer = pairs.itm
            lists = [stage.candidates for stage in short]
            if not self.fast and (search is not None or self.min_agreement is not None):
                logits = pairs.itm(lists)
                itm = lambda lists, levels: logits  # noqa: E731
            if search is not None:
                if not self.fast:
                    search.choose_itm(to_text, to_image, lists, logits)
                model.score_weights.set(search.region_word, search.itm, gallery.fingerprint)
                print_log(search.table(), logger='current')
            stages: list[list[Stage]] = [[], []]
            agreement, knows = None, True
            if not self.fast:
                if self.min_agreement is not None:
                    agreement = itm_agreement(short, logits)
                    knows = agreement is None or agreement >= self.min_agreement
                if knows:
                    stages = itm_stages(self.cascade, short, itm, weight_of_itm(model, self.itm_weight))
                else:
                    stages = [[stage] for stage in short]
        finally:
            store.close()
        gallery.drop_features()
        images = np.arange(len(gallery.image_ids))
        self.gallery = gallery
        self.i2t = rank(to_text, itc, images, gallery.text_image, short[0].candidates, stages[0], first[0])
        self.t2i = rank(to_image, itc.T, gallery.text_image, images, short[1].candidates, stages[1], first[1])
        metrics = {**self.i2t.metrics(self.prefix, 'i2t'), **self.t2i.metrics(self.prefix, 't2i')}
        if agreement is not None:
            metrics[f'{self.prefix}_itm/agreement'] = 100 * agreement
            used = 'used' if knows else 'not used, the shortlist stays'
            print_log(f'ITM agrees with {100 * agreement:.1f} % of the mutual best pairs: {used}', logger='current')
        if search is not None:
            final = recalls_of(self.i2t, self.t2i, '_shortlist' if self.fast else '')
            metrics |= {f'{self.prefix}/mean_recall': mean_recall(final), **search.metrics(self.prefix)}
        if (own := getattr(model, 'score_weights', None)) is not None:
            metrics |= {f'{self.prefix}_weights/{name}': float(getattr(own, name)) for name in ('region_word', 'itm')}
        return metrics

    def _first(self, pairs: PairScores) -> tuple[np.ndarray, np.ndarray, tuple[np.ndarray | None, np.ndarray | None]]:
        """The scores (N, M) that shortlists are drawn by, those of ITC alone, and of which candidates the first are
        asked, (N, m) and (M, m), None: of all.

        Where weights are to be chosen, the first are those of the region-word terms alone.
        """
        m, longest = self.cascade.m, max(len(pairs.gallery.image_ids), len(pairs.gallery.texts))
        if m is None or m >= longest:
            scores, itc = pairs.all_pairs('region_word' if self.choose_weights else 'shortlist', 'itc')
            return scores, itc, (None, None)
        (itc,) = pairs.all_pairs('itc')
        of_images, of_texts, wanted = asked_pairs(itc, m)
        return pairs.some_pairs('shortlist', wanted, itc), itc, (of_images, of_texts)

    def _log_protocol(self, gallery: Gallery, dataloader: Any, model: Any) -> None:
        k, images, texts = self.cascade.k, len(gallery.image_ids), len(gallery.texts)
        title = ', '.join(filter(None, [dataset_title(dataloader.dataset), self.setting]))
        score = (
            'without ITM (fast)'
            if self.fast
            else f'shortlist of {min(k, texts)} texts / {min(k, images)} {self.items} (k = {k}), '
            f'then + {weight_of_itm(model, self.itm_weight):g} x ITM'
        )
        if self.min_agreement is not None:
            score += f' where it agrees with at least {100 * self.min_agreement:g} % of the mutual best pairs'
        if self.cascade.m is not None:
            score += f'; the mixed score of the {self.cascade.m} best by ITC'
        if self.cascade.full_k is not None and not self.fast:
            score += f'; the last levels of the locator for {self.cascade.full_k}'
        if self.choose_weights:
            score += '; the weights of region-word terms and ITM are chosen on these very pictures'
        elif (own := getattr(model, 'score_weights', None)) is not None:
            score += f'; region-word terms x {float(own.region_word):g}'
            if int(own.chosen_on) == gallery.fingerprint:
                score += '. These very pictures chose the weights: on others the scores will be lower'
        if self.querybank is not None:
            score += f'; scores less {self.querybank.weight:g} x logsumexp over a querybank'
        print_log(
            f'Retrieval protocol: {title}, {images} {self.items}, {texts} texts '
            f'({texts / images:.2f} for each); {score}; ties count against the model; '
            f'chance R@1 about {100 / images:.2f} percent both ways.',
            logger='current',
        )
