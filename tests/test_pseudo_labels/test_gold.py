"""True boxes, and what is right by them."""

import json

import pytest
from support.pseudo_labels import TRUE, answered, record

from slan_mm.datasets.readers import AnnotationError
from slan_mm.pseudo_labels.categories import Categories
from slan_mm.pseudo_labels.filters import ScoreRanks, Thresholds, judge
from slan_mm.pseudo_labels.gold import Gold, right_labels

WRONG = [60.0, 50.0, 90.0, 70.0]


def test_boxes_are_known_by_path_or_name_in_the_size_of_the_picture(gold_of):
    gold = gold_of(['x/a.jpg', 'x/b.jpg', 'y/b.jpg'])
    assert gold.boxes(record('x/a.jpg')) == {'dog': [TRUE]}
    assert gold.boxes(record('a.jpg')) == {'dog': [TRUE]}
    assert gold.boxes(record('z/b.jpg')) is None  # of two


def test_of_what_a_file_does_not_tell_nothing_is_right_or_wrong(tmp_path):
    images = [dict(id=n, file_name=f'{n}.jpg', width=100, height=80) for n in range(2)]
    # As in LVIS: the second picture is known to have no dog, and nobody has looked for a tree.
    images[1]['neg_category_ids'] = [3]
    boxes = [dict(id=1, image_id=0, category_id=3, bbox=[10, 10, 30, 30])]
    names = [dict(id=3, name='dog'), dict(id=4, name='tree')]
    (tmp_path / 'gold.json').write_text(json.dumps(dict(images=images, annotations=boxes, categories=names)))
    gold = Gold(tmp_path / 'gold.json', Categories({'dog': (), 'tree': (), 'cat': ()}))
    assert gold.boxes(record('0.jpg')) == {'dog': [TRUE], 'tree': []} and gold.boxes(record('1.jpg')) == {'dog': []}
    things = [answered(name, TRUE) for name in ('dog', 'tree', 'cat')]
    records = [record(f'{n}.jpg', *[dict(one) for one in things]) for n in range(2)]
    found = []
    for one in records:
        judge(one, ScoreRanks(records), Thresholds())
        found.append(right_labels(one, gold.boxes(one)))
    assert found == [{0: True, 1: False}, {0: False}]  # dog and tree of the first, dog of the second


def test_a_true_box_makes_one_label_right():
    one = record('a', answered('dog', TRUE), answered('dog', [10.0, 10, 40, 28], flip=0.8), answered('dog', WRONG))
    judge(one, ScoreRanks([one]), Thresholds(duplicates=0.99))
    assert right_labels(one, dict(dog=[TRUE])) == {0: True, 1: False, 2: False}


def test_a_turned_picture_is_no_gold(gold_of):
    gold = gold_of(['a.jpg'], size=(40, 50))
    with pytest.raises(AnnotationError, match='a.jpg: 40 x 50 pixels .* 50 x 40 in the file.*changed places'):
        gold.boxes(record('a.jpg', size=(50, 40)))


@pytest.mark.parametrize(
    ('changed', 'message'),
    [
        (dict(neg_category_ids=None), "field 'neg_category_ids' should be list"),
        (dict(neg_category_ids=[99]), 'neg_category_ids names 99, which is no category'),
        (dict(neg_category_ids=[[3]]), 'neg_category_ids names .3., which is no category'),
        (dict(file_name='0.jpg'), "the picture '0.jpg' stands twice"),
    ],
)
def test_a_gold_file_that_is_wrong(tmp_path, changed, message):
    images = [dict(id=n, file_name=f'{n}.jpg', width=100, height=80) for n in range(2)]
    images[1] |= changed
    boxes = [dict(id=n, image_id=0, category_id=3, bbox=[10, 10, 30 * n, 30]) for n in range(2)]
    content = dict(images=images, annotations=boxes, categories=[dict(id=3, name='dog')])
    (tmp_path / 'gold.json').write_text(json.dumps(content))
    with pytest.raises(AnnotationError, match=f'gold.json, image 1: {message}'):
        Gold(tmp_path / 'gold.json', Categories({'dog': ()}))
    content['images'] = images[:1]
    (tmp_path / 'gold.json').write_text(json.dumps(content))
    # A box without width is nothing that a label could be right for.
    assert Gold(tmp_path / 'gold.json', Categories({'dog': ()})).boxes(record('0.jpg')) == {'dog': [TRUE]}
