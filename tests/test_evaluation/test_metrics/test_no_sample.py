"""A metric of nothing is no score: it counts nothing, or says that there is nothing."""

import pytest

from slan_mm.evaluation.functional import gold_ranks, summarise_ranks
from slan_mm.evaluation.functional.vqa import vqa_accuracy
from slan_mm.evaluation.metrics import CaptionMetric, GroundingMetric, NLVR2Metric, VQAMetric


@pytest.mark.parametrize('metric', [GroundingMetric, VQAMetric, CaptionMetric])
def test_no_sample_gives_counts_of_zero_alone(metric):
    if metric is CaptionMetric:
        pytest.importorskip('pycocoevalcap', reason='the extra captions is not installed')
    metrics = metric().compute_metrics([])
    assert metrics and set(metrics.values()) == {0.0} and all(name.startswith('num_') for name in metrics)


def test_no_sample_is_told_where_a_score_is_asked_for():
    for score, arguments in ((NLVR2Metric().compute_metrics, [[]]), (summarise_ranks, [[]]), (vqa_accuracy, ['x', []])):
        with pytest.raises(ValueError, match='is empty|without annotated answers'):
            score(*arguments)
    with pytest.raises(ValueError, match='no gold candidate'):
        gold_ranks([[0.5]], [[False]])
