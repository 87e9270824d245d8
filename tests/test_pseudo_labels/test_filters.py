"""Filters, each alone and together."""

import pytest
from support.pseudo_labels import answered, record

from slan_mm.pseudo_labels.filters import (
    FILTERS,
    ScoreRanks,
    Thresholds,
    confidence,
    is_covered,
    judge,
    labels_of,
    least_confidences,
    read_thresholds,
    thresholds_yaml,
)

BOX = [10.0, 10.0, 40.0, 40.0]


def judged(*things, thresholds=None, caps=None):
    one = record('a.jpg', *things)
    judge(one, ScoreRanks([one]), thresholds or Thresholds(), caps)
    return one


@pytest.mark.parametrize(
    ('thing', 'failed'),
    [
        (answered('dog', BOX), []),
        (answered('dog', BOX, match=0.1), ['match']),
        (answered('dog', BOX, match=None), []),
        (answered('dog', BOX, flip=0.5), ['flip']),
        (answered('dog', BOX, scale=0.2, flip=0.1), ['flip', 'scale']),
        (answered('dog', [0.0, 0.0, 100.0, 80.0]), ['area']),
        (answered('dog', [0.0, 0.0, 90.0, 5.0]), ['aspect']),
        (answered('dog', [0.0, 0.0, 0.0, 5.0]), ['area', 'aspect']),
        (dict(caption=0, span=[0, 3], category='dog'), ['read']),
    ],
)
def test_each_filter(thing, failed):
    one = judged(thing, thresholds=Thresholds(match=0.5))
    assert one['things'][0]['failed'] == failed
    assert set(failed) <= set(FILTERS)
    assert labels_of(one) == ([] if failed else [0])


def test_what_is_not_sure_in_the_mean():
    # Match .8, quantile 0, flip and scale .9.
    for least, failed in ((0.64, []), (0.66, ['confidence'])):
        (thing,) = judged(answered('dog', BOX), thresholds=Thresholds(confidence=least))['things']
        assert thing['confidence'] == 0.65 and thing['failed'] == failed


def test_how_many_captions_agree():
    near, far = [11.0, 10.0, 40.0, 40.0], [50.0, 50.0, 90.0, 70.0]
    places = [(0, BOX), (1, near), (1, near), (2, far)]
    things = [answered('dog', box, caption=caption) for caption, box in places]
    things += [answered('cat', BOX, caption=3), dict(caption=4, span=[0, 3], category='dog')]
    one = judged(*things, thresholds=Thresholds(captions=2))
    assert [thing.get('captions') for thing in one['things']] == [2, 2, 2, 1, 1, None]
    assert labels_of(one) == [0] and one['things'][3]['failed'] == ['captions']


def test_quantiles_are_of_the_category():
    things = [
        answered('dog', BOX, score=0.2),
        answered('dog', [50.0, 50, 90, 70], score=0.8),
        answered('cat', BOX, score=0.1),
    ]
    one = judged(*things, thresholds=Thresholds(quantile=0.5))
    assert [thing['quantile'] for thing in one['things']] == [0.0, 0.5, 0.0]
    assert labels_of(one) == [1]
    assert confidence(dict(flip=0.8, scale=0.6, match=None, quantile=0.1)) == 0.5


def test_duplicates_cover_what_they_name():
    things = [answered('dog', BOX, flip=0.7), answered('dog', [11.0, 10, 40, 40]), answered('cat', BOX)]
    one = judged(*things)
    assert labels_of(one) == [1, 2]
    first = one['things'][0]
    assert first['failed'] == ['duplicates'] and first['same_as'] == 1
    assert all(is_covered(one, thing) for thing in one['things'])


def test_a_cap_keeps_the_surest():
    pictures = [record(f'{n}.jpg', answered('dog', BOX, flip=0.7 + n / 100)) for n in range(5)]
    ranks, thresholds = ScoreRanks(pictures), Thresholds(cap=2)
    caps = least_confidences(pictures, ranks, thresholds)
    for one in pictures:
        judge(one, ranks, thresholds, caps)
    assert [labels_of(one) for one in pictures] == [[], [], [], [0], [0]]
    assert pictures[0]['things'][0]['failed'] == ['cap']
    assert least_confidences(pictures, ranks, Thresholds(cap=5)) == {}


def test_thresholds_are_read_as_they_are_written(tmp_path):
    file = tmp_path / 'thresholds.yaml'
    file.write_text(thresholds_yaml(Thresholds(quantile=0.25, cap=7)))
    assert read_thresholds(file) == Thresholds(quantile=0.25, cap=7)
    file.write_text('quantil: 0.3\n')
    with pytest.raises(ValueError, match='quantil: 0.3 is no threshold; there are match, quantile'):
        read_thresholds(file)


@pytest.mark.parametrize(
    ('line', 'message'),
    [
        ('match: .nan', 'match must be a number of at least 0, got nan'),
        ('match: true', 'match must be a number of at least 0, got True'),
        ('flip: -1', 'flip must be a number of at least 0, got -1'),
        ('captions: 1.5', 'captions must be a whole number of at least 1'),
        ('cap: 0', 'cap must be a whole number of at least 1'),
        ('aspect: 0.5', 'aspect must be a number of at least 1'),
        ('[1]', 'None: .1. is no threshold'),
    ],
)
def test_what_no_filter_can_ask_for(tmp_path, line, message):
    file = tmp_path / 'thresholds.yaml'
    file.write_text(line)
    with pytest.raises(ValueError, match=f'thresholds.yaml: {message}'):
        read_thresholds(file)
