"""Phrase grounding: does the model point at what the words name?"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from mmengine.evaluator import BaseMetric
from mmengine.logging import print_log
from torch import Tensor

from slan_mm.evaluation.functional.boxes import (
    PhraseScore,
    center_box,
    coco_size,
    found_boxes,
    mean_pairwise_iou,
    points_at,
    region_sides,
    score_phrase,
    whole_box,
)
from slan_mm.models.phrase_grounding import best_boxes
from slan_mm.registry import METRICS

TOPK = (1, 5, 10)
#: Sides of the baseline's centred box as a share of the image's.
CENTER_SIDE = 0.5
#: Marks, until the prefix is set, the metrics of regions; no category can be called so.
_REGIONS = '@regions/'


@dataclass
class _Phrase:
    """Scores of one phrase: a :class:`PhraseScore` for each source ('' is the answer, 'level0', 'center', ...).

    ``peak``: whether the peak of the phrase's map points at it; None where the model has no map. ``shown``, ``gold``,
    ``found``: how many boxes answer it, how many it has, and how many of these the former find.
    """

    scores: dict[str, PhraseScore]
    categories: list[str]
    peak: bool | None
    shown: int
    gold: int
    found: int


@dataclass
class _Sample:
    """What one evaluated sample leaves behind: no boxes, so that collecting over ranks stays cheap."""

    sample_id: str
    phrases: list[_Phrase] = field(default_factory=list)
    without_box: int = 0
    unread: int = 0
    sides: list[float] = field(default_factory=list)
    pairwise_iou: float | None = None


@METRICS.register_module()
class GroundingMetric(BaseMetric):
    """R@1/5/10, pointing accuracy and mean IoU of phrases, beside two baselines that never look at the image.

    The protocols are those of :mod:`slan_mm.evaluation.functional.boxes`. A phrase without a gold box is counted,
    logged and left out. One that the text encoder did not read (behind its ``max_words``, or of no token) has no
    answer: it is counted, logged, and a miss. A sample that a loader repeats (to fill the last batch of a rank)
    counts once.

    Metrics, R and pointing in percent, IoU and sides as fractions:

    - ``grounding/R1``, ``R5``, ``R10`` (any-box), ``R1_merged``, ``R5_merged``, ``R10_merged``, ``pointing``,
      ``mean_iou``: the answer, which is the last level's boxes. ``oracle``: phrases that any kept region hits, which
      is what the best ranking of them could reach.
    - ``pointing_peak``: pointing as the literature has it, by the highest cell of the phrase's map instead of the
      centre of the answer. Left out where the model has no map.
    - ``all_boxes_recall``: the mean over phrases with several gold boxes of the share of these that the shown boxes
      find; left out where no phrase has several. ``all_boxes_precision``: of all boxes shown, those that find a gold
      box. A phrase is shown its best box, or as many as the model counts (``pred_counts``).
    - ``..._level0`` (the regions before any adaptor), ``..._level1``, ...: the levels before the answer.
    - ``..._whole``, ``..._center``: the whole image and a centred box with half the image's sides.
      They have one box, so R5 and R10 equal R1 and are left out.
    - ``grounding/<category>/...``: the answer and the baselines on the phrases of a category, where it is known. A
      phrase with two categories counts in both.
    - ``grounding/small/...``, ``medium``, ``large``: with ``by_size``, the same on the phrases whose largest gold box
      has that size, see :func:`coco_size`.
    - ``grounding/num_phrases``, ``grounding/num_phrases_without_box``: scored, and left out;
      ``grounding/num_phrases_unread``: of those scored, missed because they were not read.
    - ``regions/mean_side``: mean of sqrt(width * height) over all kept regions of all samples, in normalised
      coordinates (1 is the whole image). ``regions/pairwise_iou``: the mean over samples of the mean IoU over the
      pairs of a sample's kept regions; a sample with one region has no pair and is left out.

    Args:
        iou_threshold: IoU from which a box hits.
        by_size: also groups phrases by the size of what they name.
        region_prefix: takes the place of ``regions``; needed only where two grounding tasks run together.
        prefix: takes the place of ``grounding``.
        collect_device: 'cpu' or 'gpu', see mmengine's BaseMetric.
        collect_dir: see mmengine's BaseMetric.
    """

    default_prefix = 'grounding'

    def __init__(
        self,
        iou_threshold: float = 0.5,
        by_size: bool = False,
        region_prefix: str = 'regions',
        prefix: str | None = None,
        collect_device: str = 'cpu',
        collect_dir: str | None = None,
    ) -> None:
        super().__init__(collect_device=collect_device, prefix=prefix, collect_dir=collect_dir)
        self.iou_threshold = iou_threshold
        self.by_size = by_size
        self.region_prefix = region_prefix

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Scores a batch.

        Args:
            data_batch: not used.
            data_samples: dicts with ``sample_id``, ``ori_shape`` (h, w), ``phrases`` (each with ``boxes`` (M, 4),
                absolute xyxy in original pixels, and ``category``), ``pred_phrases`` (for each phrase, for each level
                0..L, ``boxes`` (N, 4) in original pixels and ``scores`` (N,)), ``pred_regions`` (``boxes`` (NG, 4),
                normalised xyxy; optional) and ``pred_peaks`` (for each phrase (1, 2) or (0, 2), x and y in original
                pixels; optional), ``pred_counts`` (how many boxes answer each phrase; optional).

        Raises:
            ValueError: if predictions do not line up with the phrases, or hold a number that is not finite.
        """
        self.results.extend(self._score_sample(sample) for sample in data_samples)

    def _score_sample(self, sample: dict) -> _Sample:
        name = str(sample['sample_id'])
        phrases, predictions = sample['phrases'], sample['pred_phrases']
        if len(phrases) != len(predictions):
            raise ValueError(
                f'Sample {name!r} has {len(phrases)} phrases but pred_phrases for {len(predictions)}; '
                'the model must answer every phrase, those without a gold box included.'
            )
        result = _Sample(name)
        height, width = sample['ori_shape'][:2]
        baselines = {'whole': whole_box(height, width), 'center': center_box(height, width, CENTER_SIDE)}
        peaks = sample.get('pred_peaks') or [None] * len(phrases)
        counts = sample.get('pred_counts') or [1] * len(phrases)
        for phrase, levels, peak, count in zip(phrases, predictions, peaks, counts, strict=True):
            gold = torch.as_tensor(phrase['boxes']).cpu().double().reshape(-1, 4)
            if not len(gold):
                result.without_box += 1
                continue
            if not levels:
                raise ValueError(f'Sample {name!r}: pred_phrases holds no level for a phrase; it needs at least one.')
            ranked = [_ranked(level, name) for level in levels]
            result.unread += not len(ranked[-1])
            sources = {f'level{i}': boxes for i, boxes in enumerate(ranked[:-1])}
            sources = {'': ranked[-1], **sources, **baselines}
            scores = {key: score_phrase(boxes, gold, self.iou_threshold) for key, boxes in sources.items()}
            points = None if peak is None else points_at(peak.detach().cpu().double(), gold)
            shown, _ = best_boxes(dict(boxes=ranked[-1], scores=torch.zeros(len(ranked[-1]))), count)
            found = found_boxes(shown, gold, self.iou_threshold)
            categories = [*(phrase.get('category') or []), *([coco_size(gold)] if self.by_size else [])]
            result.phrases.append(_Phrase(scores, categories, points, len(shown), len(gold), found))
        if sample.get('pred_regions') is not None:
            regions = sample['pred_regions']['boxes'].detach().cpu().double().reshape(-1, 4)
            _check_finite(regions, name)
            result.sides = region_sides(regions).tolist()
            result.pairwise_iou = mean_pairwise_iou(regions)
        return result

    def compute_metrics(self, results: list[_Sample]) -> dict[str, float]:
        """Averages what the samples of all ranks left behind; see the class for the names."""
        samples = list({sample.sample_id: sample for sample in results}.values())
        phrases = [phrase for sample in samples for phrase in sample.phrases]
        without = sum(sample.without_box for sample in samples)
        unread = sum(sample.unread for sample in samples)
        print_log(
            f'Grounding protocol: {(self.dataset_meta or {}).get("title", "data set")}, {len(samples)} samples'
            f' ({len(results) - len(samples)} repeated ones dropped), {len(phrases)} phrases scored, {unread} of them'
            f' not read (behind max_words, or of no token) and so missed, {without} without a gold box left'
            f' out; hit at IoU >= {self.iou_threshold}; any-box, and merged-box (_merged); baselines:'
            f' whole image, and a centred box of half the width and half the height.',
            logger='current',
        )
        metrics: dict[str, float] = {
            'num_phrases': float(len(phrases)),
            'num_phrases_without_box': float(without),
            'num_phrases_unread': float(unread),
        }
        if phrases:
            metrics.update(_summarise(phrases))
        for category in sorted({name for phrase in phrases for name in phrase.categories}):
            members = [phrase for phrase in phrases if category in phrase.categories]
            summary = _summarise(members, skip_levels=True)
            metrics.update({f'{category}/{key}': value for key, value in summary.items()})
            metrics[f'{category}/num_phrases'] = float(len(members))
        sides = [value for sample in samples for value in sample.sides]
        overlaps = [sample.pairwise_iou for sample in samples if sample.pairwise_iou is not None]
        if sides:
            metrics[f'{_REGIONS}mean_side'] = sum(sides) / len(sides)
        if overlaps:
            metrics[f'{_REGIONS}pairwise_iou'] = sum(overlaps) / len(overlaps)
        return metrics

    def evaluate(self, size: int) -> dict[str, float]:
        """As BaseMetric, but ``regions/...`` stands beside ``grounding/...`` and not below it."""
        start = f'{self.prefix}/{_REGIONS}'
        return {
            f'{self.region_prefix}/{key[len(start) :]}' if key.startswith(start) else key: value
            for key, value in super().evaluate(size).items()
        }


def _ranked(level: dict, sample_id: str) -> Tensor:
    """The (N, 4) boxes of one level, best first. The sort is stable: equal scores keep the model's order."""
    boxes, scores = level['boxes'].detach().cpu().double().reshape(-1, 4), level['scores'].detach().cpu().double()
    if len(boxes) != len(scores):
        raise ValueError(f'Sample {sample_id!r}: {len(boxes)} predicted boxes with {len(scores)} scores.')
    _check_finite(boxes, sample_id)
    _check_finite(scores, sample_id)
    return boxes[scores.argsort(descending=True, stable=True)]


def _check_finite(values: Tensor, sample_id: str) -> None:
    if not values.isfinite().all():
        raise ValueError(
            f'Sample {sample_id!r}: predicted boxes or scores are not finite. The weights may have diverged, '
            'or half precision overflowed; try without fp16.'
        )


def _summarise(phrases: list[_Phrase], skip_levels: bool = False) -> dict[str, float]:
    """Means over phrases for every source of boxes; names as in :class:`GroundingMetric`, without its prefix."""
    metrics = {}
    sources = set(phrases[0].scores)
    if any(set(phrase.scores) != sources for phrase in phrases):
        raise ValueError('Phrases differ in the number of levels predicted for them; every phrase needs all levels.')
    for source in sorted(sources):
        if skip_levels and source.startswith('level'):
            continue
        scores = [phrase.scores[source] for phrase in phrases]
        end = f'_{source}' if source else ''
        topk = (1,) if source in ('whole', 'center') else TOPK
        for k in topk:
            metrics[f'R{k}{end}'] = _percent(scores, lambda score, k=k: score.any_rank <= k)
        if source not in ('whole', 'center'):
            metrics[f'oracle{end}'] = _percent(scores, lambda score: math.isfinite(score.any_rank))
        if not source.startswith('level'):
            for k in topk:
                metrics[f'R{k}_merged{end}'] = _percent(scores, lambda score, k=k: score.merged_rank <= k)
        metrics[f'pointing{end}'] = _percent(scores, lambda score: score.pointing)
        metrics[f'mean_iou{end}'] = sum(score.iou for score in scores) / len(scores)
    if all(phrase.peak is not None for phrase in phrases):
        metrics['pointing_peak'] = _percent(phrases, lambda phrase: bool(phrase.peak))
    if several := [phrase for phrase in phrases if phrase.gold > 1]:
        metrics['all_boxes_recall'] = 100.0 * sum(phrase.found / phrase.gold for phrase in several) / len(several)
    shown = sum(phrase.shown for phrase in phrases)
    metrics['all_boxes_precision'] = 100.0 * sum(phrase.found for phrase in phrases) / max(shown, 1)
    return metrics


def _percent(scores: list, is_right: Callable[[Any], bool]) -> float:
    return 100.0 * sum(map(is_right, scores)) / len(scores)
