"""Thresholds that make labels as precise as is asked."""

from dataclasses import replace

import numpy as np
import pytest
from support.pseudo_labels import TRUE, answered, record

from slan_mm.pseudo_labels.choosing import FEWEST, choose_thresholds, find_candidates, precision_by
from slan_mm.pseudo_labels.filters import ScoreRanks, Thresholds, is_covered, judge, labels_of, least_confidences
from slan_mm.pseudo_labels.gold import chooses, right_labels

WRONG = [60.0, 50.0, 90.0, 70.0]


def random_pictures(count):
    """Dogs near the true box and elsewhere, of several captions, and cats, of which the gold set does not tell."""
    rng = np.random.default_rng(0)
    pictures = []
    for number in range(count):
        things = []
        for _ in range(rng.integers(1, 7)):
            x, y = rng.uniform(4, 22, 2)
            box = [float(one) for one in (x, y, x + rng.uniform(20, 40), y + rng.uniform(20, 40))]
            flip, scale, match, score = rng.uniform(0, 1, 4).round(3)
            category = 'cat' if rng.random() < 0.2 else 'dog'
            caption = int(rng.integers(5))
            thing = answered(category, box, (0, 3), caption, score, flip, scale, None if rng.random() < 0.1 else match)
            things.append(thing if rng.random() < 0.9 else dict(caption=caption, span=[0, 3], category='dog'))
        pictures.append(record(f'{number}.jpg', *things))
    return pictures


@pytest.mark.parametrize('cap', [None, 15])
def test_what_chooses_is_what_is_reported(gold_of, cap):
    """The candidates' labels are those that are written, and right where the report says so, whatever is asked for."""
    pictures = random_pictures(60)
    gold = gold_of([one['file_name'] for one in pictures[:50]])
    ranks = ScoreRanks(pictures)
    for duplicates, (agreement, quantile, match, captions, least) in (
        (0.5, (0, 0, 0, 1, 0)),
        (0.5, (0.2, 0.1, 0.1, 2, 0.3)),
        (0.2, (0.1, 0, 0.2, 1, 0.5)),
    ):
        base = Thresholds(duplicates=duplicates, cap=cap)
        candidates = find_candidates(pictures, ranks, base, gold)
        kept = candidates.kept(agreement, quantile, match, captions, least)
        numbers, right = candidates.labels(kept)
        # As choosing does: the surest of all labels are those of a higher threshold.
        loose, loose_right = candidates.labels(candidates.kept(agreement, quantile, match, captions))
        sure = candidates.confidence[loose] >= least
        np.testing.assert_array_equal(loose[sure], numbers)
        np.testing.assert_array_equal(loose_right[sure], right)

        asked = replace(
            base, flip=agreement, scale=agreement, quantile=quantile, match=match, captions=captions, confidence=least
        )
        caps = least_confidences(pictures, ranks, asked)
        told: list[bool] = []
        count = covered = 0
        for one in pictures:
            judge(one, ranks, asked, caps)
            count += len(labels_of(one))
            if (true := gold.boxes(one)) is not None:
                told += right_labels(one, true).values()
                covered += sum(is_covered(one, thing) for thing in one['things'] if thing['category'] in true)
        of_gold = candidates.told[numbers]
        assert sorted(told) == sorted(right[of_gold].tolist()) and 0 < sum(told) < len(told)
        if cap is not None:
            assert len(numbers) == count <= 2 * cap
        else:
            assert (kept & candidates.told).sum() == covered


def test_thresholds_are_chosen_by_one_half_and_measured_on_the_other(gold_of):
    # The views of a wrong answer agree less.
    pictures = [
        record(f'{n}.jpg', answered('dog', TRUE if n % 3 else WRONG, flip=0.95 if n % 3 else 0.7, score=n))
        for n in range(120)
    ]
    gold = gold_of([one['file_name'] for one in pictures])
    candidates = find_candidates(pictures, ScoreRanks(pictures), Thresholds(), gold)
    assert 40 < candidates.chooses.sum() < 80
    choice = choose_thresholds(candidates, Thresholds(), 0.9)
    chosen = choice.thresholds
    assert 0.7 < chosen.flip == chosen.scale <= 0.9 and chosen.quantile == chosen.match == chosen.confidence == 0
    assert chosen.captions == 1
    own = [n for n in range(120) if n % 3 and chooses(f'{n}.jpg')]
    assert (choice.labels, choice.precision, choice.asked) == (len(own), 1.0, 0.9)
    assert choose_thresholds(candidates, Thresholds(), 0.3).thresholds.flip == 0
    loose, *_, strict = precision_by(candidates, 'agreement')
    assert loose[0] == 0 and loose[1] == 1 and 0.5 < loose[2] < 0.8
    # Answers that agree are surer, too.
    *_, surest = precision_by(candidates, 'confidence')
    assert surest[1] < 1 and surest[2] > loose[2]
    assert strict == (0.9, pytest.approx(loose[2]), 1.0)


def test_duplicates_count_once(gold_of):
    """Five captions that find one dog are one right label; one that finds it elsewhere is as many wrong ones."""
    pictures = [
        record(
            f'{n}.jpg',
            *(answered('dog', TRUE, caption=caption, score=0.9) for caption in range(4)),
            answered('dog', WRONG, caption=4, score=0.1),
        )
        for n in range(100)
    ]
    gold = gold_of([one['file_name'] for one in pictures])
    candidates = find_candidates(pictures, ScoreRanks(pictures), Thresholds(), gold)
    assert precision_by(candidates, 'agreement')[0] == (0.0, 1.0, 0.5)
    choice = choose_thresholds(candidates, Thresholds(), 0.6)
    assert choice.precision == 1.0 and choice.labels == sum(chooses(one['file_name']) for one in pictures)


def test_a_gold_set_of_other_pictures_tells_nothing(gold_of):
    pictures = [record(f'{n}.jpg', answered('dog', TRUE)) for n in range(2 * FEWEST)]
    candidates = find_candidates(pictures, ScoreRanks(pictures), Thresholds(), gold_of(['b.jpg']))
    with pytest.raises(ValueError, match='tells of fewer than 20 labels.*Are its file names those of the pictures'):
        choose_thresholds(candidates, Thresholds(), 0.9)
