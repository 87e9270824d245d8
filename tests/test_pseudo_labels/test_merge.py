"""Corrections that come back: whatever is wrong with their file is told, and no box that is none joins the labels."""

import json
import shutil

import pytest
from support.fuzzing import fuzz
from support.pseudo_labels import answered, record, write_answers

from slan_mm.datasets.readers import AnnotationError
from slan_mm.pseudo_labels.categories import Categories
from slan_mm.pseudo_labels.filters import Thresholds
from slan_mm.pseudo_labels.labelling import Labelling
from slan_mm.pseudo_labels.merge import merge

REGION = dict(x=10, y=10, width=20, height=20, rotation=0, rectanglelabels=['dog'])
IMAGE = dict(id=1, file_name='0.png', width=100, height=80)
BOX = dict(id=1, image_id=1, category_id=7, bbox=[1, 1, 10, 10])


@pytest.fixture(scope='module')
def out(tmp_path_factory):
    """A run of two pictures of 100 x 80, each with a dog."""
    folder = tmp_path_factory.mktemp('run')
    records = [record(name, answered('dog', [10.0, 10, 40, 40])) for name in ('0.png', '1.png')]
    answers = write_answers(folder / 'answers', *records)
    Labelling(answers, Categories({'dog': (), 'cat': ()}), Thresholds(), None, None).write(folder, folder)
    return folder


def rectangle(**changed):
    return dict(type='rectanglelabels', value=REGION | changed)


def task(*results, **changed):
    data = dict(image='/data/local-files/?d=data/0.png')
    return dict(dict(data=data, annotations=[dict(result=list(results))]), **changed)


def coco(**changed):
    return dict(dict(images=[IMAGE], categories=[dict(id=7, name='cat')], annotations=[BOX]), **changed)


def corrected(out, content):
    file = out / 'corrected.json'
    file.write_text(json.dumps(content))
    merge(out, file)
    return check(out)


def check(out):
    """All merged boxes lie in their pictures and are of a class."""
    merged = json.loads((out / 'merged.json').read_text())
    for one in merged['annotations']:
        x, y, width, height = one['bbox']
        assert width > 0 < height and x >= -2 and y >= -2 and x + width <= 102 and y + height <= 82
        assert one['category_id'] in (1, 2) and one['image_id'] in (1, 2)
    return [one['bbox'] for one in merged['annotations'] if one['image_id'] == 1]


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        ([task(annotations=None)], "field 'annotations' should be list"),
        ([task(annotations=[5])], 'something that is no annotation'),
        ([task(5)], 'something that is no region'),
        ([task(dict(type='rectanglelabels', value=None))], '{} is no rectangle with a label'),
        ([task(rectangle(rectanglelabels='dog'))], 'no rectangle with a label'),
        ([task(rectangle(rectanglelabels=['dog', 'cat']))], 'a rectangle has 2 labels'),
        ([task(rectangle(width=-5))], r'the box \[10.0, 8.0, -5.0, 16.0\] .* has no area'),
        ([task(rectangle(x=95, width=50))], 'reaches 45.0 pixels out of the picture'),
        ([task(rectangle(), data=dict(file_name=['0.png'], image='x'))], "field 'file_name' should be str"),
        ([task(rectangle(), data=dict(file_name=[], image='0.png'))], "field 'file_name' should be str"),
        ([task(rectangle(), data=dict(image='http://[bad'))], "'http://.bad' is no address"),
        (coco(annotations=[BOX | dict(bbox=[1, 1, 0, 10]), BOX | dict(id=2)]), 'has no area'),
        (coco(annotations=[BOX | dict(bbox=[90, 1, 20, 10])]), 'reaches 10.0 pixels out of the picture'),
        (None, 'expected an object with fields, got NoneType'),
    ],
)
def test_a_file_of_corrections_that_is_wrong(out, content, message):
    with pytest.raises(AnnotationError, match=f'corrected.json.*{message}'):
        corrected(out, content)


def test_a_crowd_stays_one(out):
    corrected(out, coco(annotations=[BOX, BOX | dict(id=2, iscrowd=1)]))
    merged = json.loads((out / 'merged.json').read_text())['annotations']
    assert [one['iscrowd'] for one in merged if one['image_id'] == 1] == [0, 1]


@pytest.mark.parametrize('content', [[task(rectangle(), rectangle(x=40))], coco()], ids=['label_studio', 'coco'])
def test_fuzzed(out, content):
    file = out / 'corrected.json'
    file.write_text(json.dumps(content))
    # A class or a picture may be changed into another one that there is.
    fuzz(lambda: merge(out, file), file, lambda merged: check(out), skipped=lambda error: 'labels.json' in str(error))


def test_corrections_are_not_lost(out, tmp_path):
    shutil.copytree(out, tmp_path / 'run', symlinks=True)
    run = tmp_path / 'run'
    (run / 'merged.json').unlink(missing_ok=True)
    (run / 'corrected.json').write_text(json.dumps(coco()))
    merge(run, run / 'corrected.json')
    before = (run / 'merged.json').read_bytes()
    # Tasks that nobody has annotated, as the tool itself has written them.
    (run / 'tasks.json').write_text(json.dumps([task(annotations=[])]))
    with pytest.raises(AnnotationError, match=r'tasks\.json has no picture with an annotation'):
        merge(run, run / 'tasks.json')
    (run / 'other.json').write_text(json.dumps(coco(images=[dict(IMAGE, file_name='1.png')])))
    (run / 'found.json').write_text('[]')
    for files in ((run / 'other.json',), (None, run / 'found.json')):
        with pytest.raises(FileExistsError, match=r'1 corrected pictures that would be lost, the first is 0\.png'):
            merge(run, *files)
    assert (run / 'merged.json').read_bytes() == before
    merge(run, run / 'corrected.json', run / 'found.json')
    assert (run / 'merged.json').read_bytes() == before
