"""COCO files whose categories are not those of the class list, and files as exporters write them."""

import json
from itertools import permutations

import pytest
import torch

import slan_mm.evaluation  # noqa: F401
from slan_mm.datasets.coco_file import STANDARD_CLASSES, CocoFile
from slan_mm.datasets.readers.entry import AnnotationError
from slan_mm.registry import DATASETS, METRICS

#: Ids and order as no class list has them; every box has a size of its own.
CATEGORIES = [dict(id=9, name='dog'), dict(id=2, name='cat'), dict(id=5, name='bus')]
TRUTH = [['dog', 'cat'], ['cat', 'bus', 'dog'], ['dog']]


def content():
    ids = {category['name']: category['id'] for category in CATEGORIES}
    images = [dict(id=n, file_name=f'{n}.jpg', height=64, width=64) for n in range(len(TRUTH))]
    annotations = [
        dict(
            image_id=image,
            category_id=ids[name],
            bbox=[4 + n, 5, 20 + n, 30],
            iscrowd=0,
            area=30 * (20 + n),
        )
        for image, names in enumerate(TRUTH)
        for n, name in enumerate(names)
    ]
    annotations = [dict(box, id=number) for number, box in enumerate(annotations, start=1)]
    return dict(images=images, categories=[dict(category) for category in CATEGORIES], annotations=annotations)


def written(folder, data):
    path = folder / 'ann.json'
    path.write_text(json.dumps(data, indent=1))
    return str(path)


def data_set(file, classes=None):
    named = {} if classes is None else dict(metainfo=dict(classes=classes))
    kind = dict(type='slan_mm.CocoDataset', ann_file=file, data_prefix=dict(img=''), return_classes=True, pipeline=[])
    return DATASETS.build(dict(kind, **named))


def told(dataset):
    infos = [dataset.get_data_info(index) for index in range(len(dataset))]
    return [[info['text'][box['bbox_label']] for box in info['instances']] for info in infos]


def measured_ap(file, classes, seen_as=None, **options):
    """AP of a detector that finds every box under its right name, but for what is ``seen_as`` another."""
    metric = METRICS.build(dict(type='slan_mm.CocoBoxMetric', ann_file=file, **options))
    metric.dataset_meta = dict(classes=classes)
    for image, names in enumerate(TRUTH):
        boxes = [[4.0 + place, 5, 24 + 2 * place, 35] for place in range(len(names))]
        found = dict(
            bboxes=torch.tensor(boxes),
            labels=torch.tensor([classes.index((seen_as or {}).get(name, name)) for name in names]),
            scores=torch.full((len(names),), 0.9),
        )
        metric.process({}, [dict(img_id=image, ori_shape=(64, 64), pred_instances=found)])
    return metric.evaluate(len(TRUTH))


@pytest.mark.parametrize('classes', list(permutations(('dog', 'cat', 'bus'))))
def test_labels_follow_the_class_list(tmp_path, classes):
    file = written(tmp_path, content())
    assert told(data_set(file, classes)) == TRUTH
    assert measured_ap(file, classes)['coco/bbox_mAP'] == 1.0


def test_a_file_may_hold_a_part_of_cocos_classes(tmp_path):
    file = written(tmp_path, content())
    assert told(data_set(file)) == TRUTH
    assert measured_ap(file, STANDARD_CLASSES)['coco/bbox_mAP'] == 1.0


@pytest.mark.parametrize('classes', [('bus', 'dog', 'cat'), STANDARD_CLASSES])
def test_each_class_has_its_own_ap(tmp_path, classes):
    file = written(tmp_path, content())
    # Cats are taken for buses: dogs alone are all found.
    measured = measured_ap(file, classes, seen_as={'cat': 'bus'}, classwise=True)
    assert measured['coco/dog_precision'] == 1.0
    assert measured['coco/cat_precision'] == 0.0
    assert 0 < measured['coco/bus_precision'] < 1


def test_a_part_of_the_files_classes_is_the_same_boxes(tmp_path):
    dataset = data_set(written(tmp_path, content()), ('bus', 'dog'))
    assert told(dataset) == [[name for name in names if name != 'cat'] for names in TRUTH]


@pytest.mark.parametrize(
    ('classes', 'message'),
    [
        (('dgo', 'dog', 'cat'), r"ann\.json has no category 'dgo' \(it has 'dog'\).*'dog', 'cat', 'bus'.*metainfo"),
        (('dog', 'Cat'), r"no category 'Cat' \(it has 'cat'\)"),
        (('dog', 'zebra'), "no category 'zebra'. Its categories"),
        (('dog', 'dog'), r"names \['dog'\] twice"),
    ],
)
def test_a_class_that_the_file_does_not_know_is_refused(tmp_path, classes, message):
    file = written(tmp_path, content())
    with pytest.raises(AnnotationError, match=message):
        data_set(file, classes)
    # The metric refuses it when the run is built, not at the first evaluation.
    metric = METRICS.build(dict(type='slan_mm.CocoBoxMetric', ann_file=file))
    with pytest.raises(AnnotationError, match=message):
        metric.dataset_meta = dict(classes=classes)


def test_one_text_is_no_class_list(tmp_path):
    with pytest.raises(AnnotationError, match=r"one text, 'dog'.*classes=\('dog',\)"):
        CocoFile(written(tmp_path, content())).get_cat_ids('dog')


def test_classes_that_nobody_named_are_refused(tmp_path):
    data = content()
    data['categories'][0]['name'] = 'hedgehog'
    with pytest.raises(AnnotationError, match="not COCO's: 'hedgehog'. Name your classes"):
        data_set(written(tmp_path, data))


def test_two_categories_of_one_name_are_refused(tmp_path):
    data = content()
    data['categories'][1]['name'] = 'dog'
    with pytest.raises(AnnotationError, match=r"\[9, 2\] are all named 'dog'"):
        data_set(written(tmp_path, data), ('dog', 'bus'))


@pytest.mark.parametrize('value', ['absent', None])
@pytest.mark.parametrize('field', ['iscrowd', 'area'])
def test_what_exporters_leave_out_has_its_usual_value(tmp_path, field, value):
    data = content()
    for box in data['annotations']:
        if value is None:
            box[field] = None
        else:
            del box[field]
    file, classes = written(tmp_path, data), ('bus', 'cat', 'dog')
    assert CocoFile(file).dataset['annotations'] == content()['annotations']
    assert told(data_set(file, classes)) == TRUTH
    measured = measured_ap(file, classes)
    assert measured['coco/bbox_mAP'] == 1.0
    assert measured == measured_ap(written(tmp_path, content()), classes)


@pytest.mark.parametrize(
    ('key', 'change', 'message'),
    [
        ('annotations', {'bbox': None}, r"annotations\[1\]: field 'bbox' should be list"),
        ('annotations', {'bbox': [1, 2, 3]}, r'bbox \[1, 2, 3\] is not four finite numbers'),
        ('annotations', {'bbox': [True, 2, 3, 4]}, 'is not four finite numbers'),
        ('annotations', {'bbox': [1, 2, 10**400, 4]}, 'is not four finite numbers'),
        ('annotations', {'area': -1}, 'area -1 is out of range'),
        ('annotations', {'iscrowd': 'no'}, "field 'iscrowd' should be"),
        ('images', {'width': 0}, 'width 0 is no number of pixels'),
        ('annotations', {'category_id': 77}, 'category_id 77 is not among the categories'),
        ('annotations', {'id': 1}, "the id 1 stands twice in 'annotations'"),
        ('categories', {'id': 9}, "the id 9 stands twice in 'categories'"),
        ('categories', {'name': 3}, "field 'name' should be str"),
        ('images', {'height': None}, "field 'height' should be"),
    ],
)
def test_errors_name_file_line_and_entry(tmp_path, key, change, message):
    data = content()
    data[key][1].update(change)
    file = written(tmp_path, data)
    for build in (
        lambda: data_set(file, ('dog',)),
        lambda: METRICS.build(dict(type='slan_mm.CocoBoxMetric', ann_file=file)),
    ):
        with pytest.raises(AnnotationError, match=rf'ann\.json, line \d+, {key}\[1\]: .*') as caught:
            build()
        assert caught.match(message)


@pytest.mark.parametrize(
    ('change', 'what'),
    [({'bbox': [4, 5, 0, 30]}, 'boxes without area'), ({'bbox': [4, 5, -3, 30]}, 'boxes without area'),
     ({'image_id': '0'}, 'boxes of images that are not')],
)  # fmt: skip
def test_boxes_that_teach_nothing_are_counted(tmp_path, change, what, monkeypatch):
    said = []
    monkeypatch.setattr('slan_mm.datasets.coco_file.print_log', lambda text, *_: said.append(text))
    data = content()
    data['annotations'][1].update(change)
    assert told(data_set(written(tmp_path, data), ('dog', 'cat', 'bus'))) == [['dog'], *TRUTH[1:]]
    assert [f'1 of 6 annotations are {what}' in text for text in said] == [True]
    for box in data['annotations']:
        box.update(change)
    with pytest.raises(AnnotationError, match=f'all 6 annotations are {what}'):
        data_set(written(tmp_path, data), ('dog', 'cat', 'bus'))


@pytest.mark.parametrize('score', [None, 'x', True, 1.5, -1])
def test_a_score_that_is_none(tmp_path, score):
    annotation = dict(id=4, image_id=1, category_id=1, bbox=[1, 1, 4, 4], score=score)
    content = dict(images=[dict(id=1, file_name='a.jpg', width=9, height=9)], categories=[dict(id=1, name='dog')])
    (tmp_path / 'ann.json').write_text(json.dumps(content | dict(annotations=[annotation])))
    options = dict(ann_file=str(tmp_path / 'ann.json'), metainfo=dict(classes=('dog',)), pipeline=[])
    with pytest.raises(AnnotationError, match=r'ann.json: annotation 4: score .* is no number from 0 to 1'):
        DATASETS.build(dict(type='PseudoLabelDataset', **options))


@pytest.mark.parametrize('content', ['null', '[]', '5', '"a"'])
def test_a_file_that_is_no_object(tmp_path, content):
    (tmp_path / 'ann.json').write_text(content)
    with pytest.raises(AnnotationError, match='ann.json, line 1: expected an object with fields'):
        CocoFile(str(tmp_path / 'ann.json'))


@pytest.mark.parametrize('ids', [range(6), [f'box {n}' for n in range(6)], [-n for n in range(6)]])
def test_a_box_is_found_whatever_its_id(tmp_path, ids):
    data = content()
    for box, number in zip(data['annotations'], ids, strict=True):
        box['id'] = number
    assert measured_ap(written(tmp_path, data), ('dog', 'cat', 'bus'))['coco/bbox_mAP'] == 1.0


@pytest.mark.parametrize('key', ['images', 'categories', 'annotations'])
def test_ids_of_two_kinds_are_refused(tmp_path, key):
    data = content()
    for number, box in enumerate(data['annotations']):
        box['id'] = number
    data[key].append(dict(data[key][0], id='one', name='one'))
    with pytest.raises(AnnotationError, match=f'ids of {key!r} are numbers and texts'):
        CocoFile(written(tmp_path, data))


@pytest.mark.parametrize('name', ['bboxes', 'scores'])
def test_predictions_that_are_no_numbers(tmp_path, name):
    found = dict(bboxes=torch.ones(1, 4), scores=torch.ones(1), labels=torch.zeros(1, dtype=torch.long))
    found[name] = found[name] * float('nan')
    with pytest.raises(ValueError, match="Image 'x': predicted boxes or scores are not finite"):
        METRICS.build(dict(type='CocoBoxMetric')).process({}, [dict(img_id='x', pred_instances=found)])
