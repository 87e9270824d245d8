"""What a training tells at its end."""

import pytest

from slan_mm.evaluation.learning_report import Validation, learning_report, regions_trusted


def validation(iteration=0, final=(50.0, 40.0), words=30.0, region_word=0.5, itm=0.0, images=1000):
    metrics = {'/mean_recall': sum(final) / 2, '_weights/region_word': region_word, '_weights/itm': itm}
    for part, (i2t, t2i) in {
        '': final,
        '_shortlist': (48.0, 39.0),
        '_itc': (45.0, 38.0),
        '_region_word': (words, words),
    }.items():
        metrics |= {f'{part}/i2t_R1': i2t, f'{part}/t2i_R1': t2i}
    return Validation(iteration, metrics, images, 5 * images)


def report(start, best, iterations=100):
    return learning_report(start, best, iterations, 100, 'python tools/test.py')


def test_before_and_after_and_what_each_term_adds():
    told = report(validation(final=(1.0, 0.5)), validation(60, itm=0.25), iterations=90)
    assert 'before training:  1.0 / 0.5' in told and 'after:            50.0 / 40.0' in told
    assert 'at iteration 60 of 100, stopped early after 90' in told
    assert 'region-word terms: +3.0 / +1.0, with weight 0.5' in told and 'ITM: +2.0 / +1.0, with weight 0.25' in told
    assert 'chance is about 0.1' in told and told.endswith('Next: python tools/test.py')


def test_terms_that_are_left_out_and_training_that_did_not_help():
    start = validation(region_word=0.0)
    told = report(start, start)
    assert told.count('left out, no tested weight helps without lowering a score') == 2
    assert 'Training did not improve the model' in told
    told = report(None, validation(10, final=(0.2, 0.2)))
    assert 'before training' not in told and 'little more than chance' in told


@pytest.mark.parametrize(
    ('settings', 'trusted', 'reason'),
    [
        ({}, True, 'words alone find 30.0 percent of the images, at least half'),
        ({'images': 50}, False, '50 held-out images are too few'),
        ({'words': 10.0}, False, 'less than half as many as ITC'),
        ({'region_word': 0.0}, False, 'did not help retrieval'),
    ],
)
def test_whether_regions_can_be_trusted(settings, trusted, reason):
    found, why = regions_trusted(validation(**settings))
    assert found == trusted and reason in why
