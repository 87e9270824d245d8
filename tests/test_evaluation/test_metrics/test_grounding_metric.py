import pytest
import torch
from mmengine.evaluator import Evaluator
from mmpretrain.structures import DataSample

from slan_mm.evaluation import GroundingMetric
from slan_mm.registry import METRICS


def level(*boxes):
    """Boxes with falling scores."""
    return {'boxes': torch.tensor(boxes).reshape(-1, 4).float(), 'scores': torch.arange(len(boxes), 0, -1).float()}


def phrase(*boxes, category=None):
    return {'spans': [[0, 1]], 'boxes': torch.tensor(boxes).reshape(-1, 4).float(), 'category': category}


def sample(sample_id='0', phrases=(), predictions=(), regions=None):
    result = DataSample()
    result.set_metainfo({'sample_id': sample_id, 'ori_shape': (40, 80)})
    result.set_field(list(phrases), 'phrases')
    result.set_field(list(predictions), 'pred_phrases')
    if regions is not None:
        result.set_field({'boxes': torch.tensor(regions)}, 'pred_regions')
    return result


def evaluate(samples, **kwargs):
    evaluator = Evaluator([GroundingMetric(**kwargs)])
    evaluator.process(samples)
    return evaluator.evaluate(len(samples))


# An image of 80 x 40. The dog is at the left, two people stand at both ends, 'fun' has no box.
DOG = [0.0, 0.0, 20.0, 20.0]
LEFT, RIGHT = [0.0, 0.0, 10.0, 40.0], [70.0, 0.0, 80.0, 40.0]
MIDDLE = [20.0, 10.0, 60.0, 30.0]
WHOLE = [0.0, 0.0, 80.0, 40.0]


@pytest.fixture
def two_samples():
    first = sample(
        'a',
        [phrase(DOG, category=['animals']), phrase(LEFT, RIGHT, category=['people']), phrase()],
        [
            [level(MIDDLE, DOG), level(DOG, MIDDLE)],  # the adaptor turned the dog's boxes round
            [level(MIDDLE), level(WHOLE, MIDDLE, MIDDLE, MIDDLE, MIDDLE, LEFT)],
            [level(MIDDLE), level(MIDDLE)],
        ],
        regions=[[0.0, 0.0, 0.5, 0.5], [0.0, 0.0, 0.5, 0.5]],
    )
    second = sample(
        'b', [phrase(MIDDLE, category=['animals', 'toys'])], [[level(MIDDLE), level()]], regions=[[0.0, 0.0, 0.2, 0.2]]
    )
    return [first, second]


def test_pointing_by_the_peak_of_the_map(two_samples):
    assert not any('peak' in name for name in evaluate(two_samples)), 'without maps there is no peak'
    # On the dog; on the right one of two people; the third phrase has no box; the fourth was not read.
    for one, peaks in zip(two_samples, [[[[5.0, 5.0]], [[75.0, 39.0]], [[0.0, 0.0]]], [[]]], strict=True):
        one.set_field([torch.tensor(peak).reshape(-1, 2) for peak in peaks], 'pred_peaks')
    metrics = evaluate(two_samples)
    assert metrics['grounding/pointing_peak'] == pytest.approx(200 / 3)
    assert (metrics['grounding/people/pointing_peak'], metrics['grounding/toys/pointing_peak']) == (100, 0)


def test_all_boxes_of_a_phrase(two_samples):
    # One box each: the dog is found, nobody of two people; the third phrase has no box, the fourth no answer.
    metrics = evaluate(two_samples)
    assert (metrics['grounding/all_boxes_recall'], metrics['grounding/all_boxes_precision']) == (0, 50)
    assert 'grounding/toys/all_boxes_recall' not in metrics, 'a category without a phrase of several'
    # Two boxes for the people, of which one fits, and is found but once.
    first, second = two_samples
    first.pred_phrases[1][-1] = level(LEFT, MIDDLE, RIGHT)
    first.set_field([1, 2, 1], 'pred_counts')
    metrics = evaluate([first, second])
    assert metrics['grounding/all_boxes_recall'] == 50
    assert metrics['grounding/all_boxes_precision'] == pytest.approx(200 / 3)
    first.set_field([1, 3, 1], 'pred_counts')
    assert evaluate([first, second])['grounding/people/all_boxes_recall'] == 100


def test_worked_example(two_samples):
    metrics = evaluate(two_samples)
    # Three phrases have boxes: dog hit at 1, people at 6 (any-box) or 1 (merged: the whole image), 'b' never.
    assert metrics['grounding/num_phrases'] == 3
    assert metrics['grounding/num_phrases_without_box'] == 1
    assert metrics['grounding/num_phrases_unread'] == 1, "that of 'b' has no box at all"
    third = pytest.approx(100 / 3)
    assert metrics['grounding/R1'] == third
    assert metrics['grounding/R5'] == third
    assert metrics['grounding/R10'] == pytest.approx(200 / 3)
    assert metrics['grounding/R1_merged'] == pytest.approx(200 / 3)
    # Some region hits the dog and a person, none 'b'; before the adaptor dog and 'b', but no person.
    assert metrics['grounding/oracle'] == metrics['grounding/oracle_level0'] == pytest.approx(200 / 3)
    assert metrics['grounding/people/oracle'] == 100 and 'grounding/oracle_center' not in metrics
    # Pointing: the dog; the centre of the whole image is in neither person; 'b' has no box.
    assert metrics['grounding/pointing'] == third
    # IoU of the first box: 1; 400 / 3200 with the better of the people; 0.
    assert metrics['grounding/mean_iou'] == pytest.approx((1 + 0.125 + 0) / 3)
    # Before the adaptor: dog hit at 2, people never, 'b' at 1.
    assert metrics['grounding/R1_level0'] == third
    assert metrics['grounding/R5_level0'] == pytest.approx(200 / 3)
    assert metrics['grounding/pointing_level0'] == third
    # The two samples' regions: .5, .5, .2; only the first sample has a pair.
    assert metrics['regions/mean_side'] == pytest.approx(0.4)
    assert metrics['regions/pairwise_iou'] == pytest.approx(1)


def test_baselines(two_samples):
    metrics = evaluate(two_samples)
    # The centre box of 80 x 40 with half its sides is exactly MIDDLE; the whole image is the people's merged box.
    assert metrics['grounding/R1_center'] == pytest.approx(100 / 3)
    assert metrics['grounding/pointing_center'] == pytest.approx(100 / 3)
    # It touches the dog along one edge, overlaps no person, and is the third phrase.
    assert metrics['grounding/mean_iou_center'] == pytest.approx(1 / 3)
    assert metrics['grounding/R1_whole'] == 0
    assert metrics['grounding/R1_merged_whole'] == pytest.approx(100 / 3)
    assert metrics['grounding/pointing_whole'] == metrics['grounding/pointing_center']
    assert metrics['grounding/mean_iou_whole'] == pytest.approx((400 + 400 + 800) / 3200 / 3)


def test_categories(two_samples):
    metrics = evaluate(two_samples)
    assert metrics['grounding/animals/R1'] == 50
    assert metrics['grounding/animals/R1_center'] == 50
    assert metrics['grounding/animals/num_phrases'] == 2
    assert metrics['grounding/people/R1'] == 0
    assert metrics['grounding/people/R1_merged'] == 100
    assert metrics['grounding/toys/num_phrases'] == 1


def test_groups_by_size():
    side = {'small': 31, 'medium': 95, 'large': 96}
    gold = [[0.0, 0, each, each] for each in side.values()]
    # Two boxes: the larger one tells.
    phrases = [phrase(gold[0]), phrase(gold[0], gold[1]), phrase(gold[2], category=['people'])]
    data = sample(phrases=phrases, predictions=[[level(gold[0])], [level(gold[1])], [level(gold[0])]])
    metrics = evaluate([data], by_size=True)
    assert [metrics[f'grounding/{size}/R1'] for size in side] == [100, 100, 0]
    assert metrics['grounding/people/R1'] == 0 and 'grounding/small/R1' not in evaluate([data])


def test_a_category_called_regions_stays_a_category():
    data = sample(phrases=[phrase(DOG, category=['regions'])], predictions=[[level(DOG)]], regions=[[0.0, 0, 1, 1]])
    metrics = evaluate([data])
    assert metrics['grounding/regions/R1'] == 100
    assert metrics['regions/mean_side'] == 1


def test_repeated_samples_count_once(two_samples):
    once, twice = evaluate(two_samples), evaluate([*two_samples, two_samples[0]])
    assert once == twice


def test_scores_decide_the_order():
    unsorted = {'boxes': torch.tensor([MIDDLE, DOG]), 'scores': torch.tensor([0.1, 0.9])}
    assert evaluate([sample(phrases=[phrase(DOG)], predictions=[[unsorted]])])['grounding/R1'] == 100


def test_no_phrase_with_a_box_gives_no_score():
    metrics = evaluate([sample(phrases=[phrase()], predictions=[[level(DOG)]])])
    counts = {'num_phrases': 0, 'num_phrases_without_box': 1, 'num_phrases_unread': 0}
    assert metrics == {f'grounding/{name}': count for name, count in counts.items()}


def test_prefixes():
    data = sample(phrases=[phrase(DOG)], predictions=[[level(DOG)]], regions=[[0.0, 0, 1, 1]])
    metrics = evaluate([data], prefix='flickr', region_prefix='flickr_regions')
    assert metrics['flickr/R1'] == 100 and metrics['flickr_regions/mean_side'] == 1


def test_errors():
    with pytest.raises(ValueError, match="'x' has 1 phrases but pred_phrases for 0"):
        evaluate([sample('x', [phrase(DOG)])])
    with pytest.raises(ValueError, match="'x'.*not finite"):
        evaluate([sample('x', [phrase(DOG)], [[level([0.0, 0, float('nan'), 1])]])])
    with pytest.raises(ValueError, match="'x'.*no level"):
        evaluate([sample('x', [phrase(DOG)], [[]])])
    with pytest.raises(ValueError, match='number of levels'):
        evaluate([sample('x', [phrase(DOG), phrase(DOG)], [[level(DOG)], [level(DOG), level(DOG)]])])


def test_is_registered():
    assert isinstance(METRICS.build({'type': 'GroundingMetric'}), GroundingMetric)
