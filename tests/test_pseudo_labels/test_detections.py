"""A second round: which of a detector's boxes join the labels."""

import json

import pytest
from support.pseudo_labels import answered, record, write_answers

from slan_mm.pseudo_labels.categories import Categories
from slan_mm.pseudo_labels.filters import Thresholds
from slan_mm.pseudo_labels.labelling import Labelling
from slan_mm.pseudo_labels.merge import Merged, merge

CAT, DOG = 1, 2


@pytest.fixture
def out(tmp_path):
    """A run whose first picture has a dog at (10, 10, 30, 30), the second one nothing that was sure."""
    records = (
        record('0.png', answered('dog', [10.0, 10, 40, 40])),
        record('1.png', answered('cat', [0, 0, 9, 9], flip=0)),
    )
    answers = write_answers(tmp_path / 'answers', *records)
    labelling = Labelling(answers, Categories({'cat': (), 'dog': ()}), Thresholds(), None, None)
    labelling.write(tmp_path, tmp_path)
    return tmp_path


def detected(image, category, box, score):
    return dict(image_id=image, category_id=category, bbox=box, score=score)


def write(out, *boxes):
    (out / 'found.bbox.json').write_text(json.dumps(boxes))
    return out / 'found.bbox.json'


def test_sure_boxes_that_nothing_contradicts_join(out):
    file = write(
        out,
        detected(1, DOG, [11, 10, 30, 30], 0.9),  # is labelled
        detected(1, CAT, [10, 11, 30, 30], 0.99),  # contradicted
        detected(1, CAT, [60, 20, 30, 30], 0.4),  # not sure
        detected(2, DOG, [61, 20, 30, 30], 0.6),
        detected(2, CAT, [60, 20, 30, 30], 0.7),  # surer than the dog at its place
        detected(2, DOG, [60, 20, 0, 30], 0.9),  # nothing
    )
    assert merge(out, None, file) == Merged(0, 1)
    merged = json.loads((out / 'merged.json').read_text())
    first, new = merged['annotations']
    assert first['bbox'] == [10, 10, 30, 30] and 'detected' not in first['extra']
    assert (new['image_id'], new['category_id'], new['bbox'], new['area']) == (2, CAT, [60, 20, 30, 30], 900)
    assert new['score'] == 0.7 and new['extra'] == dict(detected=True) and new['id'] == 2
    assert merge(out, None, file, score_thr=0.3) == Merged(0, 2)


def test_a_picture_that_people_have_seen_gets_none(out):
    seen = json.loads((out / 'labels.json').read_text())
    seen['images'] = seen['images'][:1]
    (out / 'seen.json').write_text(json.dumps(dict(seen, annotations=[])))
    boxes = [detected(number, CAT, [60, 20, 30, 30], 0.9) for number in (1, 2)]
    assert merge(out, out / 'seen.json', write(out, *boxes)) == Merged(1, 1)
    assert [one['image_id'] for one in json.loads((out / 'merged.json').read_text())['annotations']] == [2]


@pytest.mark.parametrize(
    ('box', 'message'),
    [
        (
            detected(3, CAT, [0, 0, 1, 1], 0.9),
            'box 0: there is no picture 3 in .*labels.json. Test the detector on this',
        ),
        (detected(1, 7, [0, 0, 1, 1], 0.9), 'there is no class 7'),
        (detected(1, CAT, [0, 0, 1], 0.9), 'is no box with a score'),
        (detected(1, CAT, [0, 0, 1, 1], 9.0), 'is no box with a score'),
        (dict(image_id=1), "no field 'category_id'.*outfile_prefix"),
    ],
)
def test_predictions_of_something_else(out, box, message):
    with pytest.raises(ValueError, match=message):
        merge(out, None, write(out, box))
