"""Precision, and thresholds that reach it."""

import json

import pytest
from support.pseudo_labels import answered, record

from slan_mm.datasets.readers import AnnotationError
from slan_mm.pseudo_labels.categories import Categories
from slan_mm.pseudo_labels.filters import ScoreRanks, Thresholds, judge
from slan_mm.pseudo_labels.gold import Gold, choose_thresholds, judge_gold, precision_by, right_labels

TRUE, WRONG = [10.0, 10.0, 40.0, 40.0], [60.0, 50.0, 90.0, 70.0]


@pytest.fixture
def gold_of(tmp_path):
    def make(names, box=(5, 5, 15, 15), size=(50, 40)):
        """The box TRUE of a dog in each picture, in a file of pictures of half the size."""
        images = [dict(id=n, file_name=name, width=size[0], height=size[1]) for n, name in enumerate(names)]
        annotations = [dict(id=n, image_id=n, category_id=3, bbox=list(box)) for n in range(len(names))]
        categories = [dict(id=3, name='Dogs'), dict(id=4, name='tree')]
        file = tmp_path / 'gold.json'
        file.write_text(json.dumps(dict(images=images, annotations=annotations, categories=categories)))
        return Gold(file, Categories({'dog': ()}))

    return make


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
    judged = judge_gold(records, ScoreRanks(records), Thresholds(), gold)
    assert judged.right.tolist() == [True, False, False]  # dog and tree of the first, dog of the second
    assert right_labels(records[0], gold.boxes(records[0])) == {0: True, 1: False}


def test_a_true_box_makes_one_label_right():
    one = record('a', answered('dog', TRUE), answered('dog', [10.0, 10, 40, 28], flip=0.8), answered('dog', WRONG))
    judge(one, ScoreRanks([one]), Thresholds(duplicates=0.99))
    assert right_labels(one, dict(dog=[TRUE])) == {0: True, 1: False, 2: False}


def test_thresholds_are_chosen_by_one_half_and_measured_on_the_other(gold_of):
    # The views of a wrong answer agree less.
    pictures = [
        record(f'{n}.jpg', answered('dog', TRUE if n % 3 else WRONG, flip=0.95 if n % 3 else 0.7, score=n))
        for n in range(120)
    ]
    gold = gold_of([one['file_name'] for one in pictures])
    judged = judge_gold(pictures, ScoreRanks(pictures), Thresholds(), gold)
    assert 40 < judged.chooses.sum() < 80
    chosen = choose_thresholds(judged, Thresholds(), 0.9)
    assert 0.7 < chosen.flip == chosen.scale <= 0.9 and chosen.quantile == chosen.match == chosen.confidence == 0
    assert choose_thresholds(judged, Thresholds(), 0.3).flip == 0
    loose, *_, strict = precision_by(judged, 'agreement')
    assert loose[0] == 0 and loose[1] == 1 and 0.5 < loose[2] < 0.8
    # Answers that agree are surer, too.
    *_, surest = precision_by(judged, 'confidence')
    assert surest[1] < 1 and surest[2] > loose[2]
    assert strict == (0.9, pytest.approx(loose[2]), 1.0)


def test_a_gold_set_of_other_pictures_tells_nothing(gold_of):
    judged = judge_gold([record('a.jpg', answered('dog', TRUE))], ScoreRanks([]), Thresholds(), gold_of(['b.jpg']))
    with pytest.raises(ValueError, match='tells of 0 things.*Are its file names those of the pictures'):
        choose_thresholds(judged, Thresholds(), 0.9)


def test_a_turned_picture_is_no_gold(gold_of):
    gold = gold_of(['a.jpg'], size=(40, 50))
    with pytest.raises(AnnotationError, match='a.jpg: 40 x 50 pixels .* 50 x 40 in the file.*changed places'):
        gold.boxes(record('a.jpg', size=(50, 40)))
