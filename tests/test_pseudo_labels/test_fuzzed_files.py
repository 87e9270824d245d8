"""What people and detectors hand back, and what a run has left: changed files are read rightly, or refused."""

import json
from urllib.parse import parse_qs, unquote, urlsplit

import numpy as np
import pytest
import yaml
from support.fuzzing import fuzz
from support.pseudo_labels import answered, record, write_answers

from slan_mm.pseudo_labels.categories import Categories, read_categories
from slan_mm.pseudo_labels.filters import Thresholds, read_thresholds, thresholds_yaml
from slan_mm.pseudo_labels.fragments import check_asked, index_blocks, read_blocks
from slan_mm.pseudo_labels.gold import Gold
from slan_mm.pseudo_labels.labelling import Labelling
from slan_mm.pseudo_labels.merge import merge

SIZE = dict(width=100, height=80)
CLASSES = {'cat': 1, 'dog': 2}


@pytest.fixture
def out(tmp_path):
    """A run of three pictures, the first with a dog."""
    records = [record('0.png', answered('dog', [10.0, 10, 40, 40])), record('1.png'), record('2.png')]
    answers = write_answers(tmp_path / 'run' / 'answers', *records)
    Labelling(answers, Categories({'cat': (), 'dog': ()}), Thresholds(), None, None).write(answers.parent, answers)
    return answers.parent


def rectangle(label, x, y, width, height):
    return dict(type='rectanglelabels', value=dict(x=x, y=y, width=width, height=height, rectanglelabels=[label]))


def reviewed(out):
    """(file name, class, box) of what counts as corrected in merged.json, which is valid JSON."""
    merged = json.loads((out / 'merged.json').read_text(), parse_constant=pytest.fail)
    names = {image['id']: image['file_name'] for image in merged['images']}
    return sorted(
        (names[one['image_id']], one['category_id'], one['bbox'])
        for one in merged['annotations']
        if 'reviewed' in one['extra']
    )


def in_pixels(value):
    sides = value['x'], value['y'], value['width'], value['height']
    return [round(side * size / 100, 2) for side, size in zip(sides, (100, 80, 100, 80), strict=True)]


def test_fuzzed_label_studio(out):
    """The boxes of the newest annotation of each task are in merged.json, and no others."""
    file = out / 'export.json'
    tasks = [
        {'data': {'file_name': '0.png', 'image': '/data/local-files/?d=data/0.png'},
         'annotations': [{'result': [rectangle('dog', 1, 2, 30, 40)]},
                         {'result': [rectangle('cat', 10, 50, 20, 25), rectangle('dog', 30, 5, 20, 25)]}]},
        {'data': {'image': '/data/local-files/?d=data/1.png'}, 'annotations': [{'result': [], 'was_cancelled': False}]},
        {'data': {'file_name': '2.png', 'image': '2.png'}, 'annotations': []},
    ]  # fmt: skip
    file.write_text(json.dumps(tasks))

    def check(merged):
        expected = []
        for task in json.loads(file.read_bytes()):
            done = [one for one in task.get('annotations') or () if not one.get('was_cancelled')]
            name = task['data'].get('file_name')
            if done and name is None:
                url = urlsplit(task['data']['image'])
                name = parse_qs(url.query).get('d', [unquote(url.path)])[0]
            for result in done[-1]['result'] if done else ():
                if result.get('type') == 'rectanglelabels':
                    value = result['value']
                    label = CLASSES[value['rectanglelabels'][0]]
                    expected.append((name.removeprefix('data/'), label, in_pixels(value)))
        assert reviewed(out) == sorted(expected)
        assert all(min(box[2:]) > 0 for _, _, box in expected)

    counts = fuzz(lambda: merge(out, file), file, check)
    assert min(counts.values()) > 0


def test_fuzzed_corrections(out):
    """The same from a COCO file."""
    file = out / 'corrected.json'
    images = [dict(id=7 + n, file_name=f'{n}.png', **SIZE) for n in range(2)]
    boxes = [dict(id=n, image_id=7, category_id=3 + n % 2, bbox=[n, 2, 3, 4]) for n in range(3)]
    categories = [dict(id=3, name='dog'), dict(id=4, name='cat')]
    file.write_text(json.dumps(dict(images=images, annotations=boxes, categories=categories)))

    def check(merged):
        data = json.loads(file.read_bytes())
        names = {image['id']: image['file_name'] for image in data['images']}
        classes = {one['id']: one['name'] for one in data['categories']}
        expected = [
            (names[one['image_id']], CLASSES[classes[one['category_id']]], one['bbox'])
            for one in data.get('annotations', ())
            if one['image_id'] in names
        ]
        assert reviewed(out) == sorted(expected)

    counts = fuzz(lambda: merge(out, file), file, check)
    assert min(counts.values()) > 0


def test_fuzzed_detections(out):
    file = out / 'found.json'
    boxes = [
        dict(image_id=1 + n % 3, category_id=1 + n % 2, bbox=[20 * n, 50, 11 + n, 12], score=0.6 + n / 20)
        for n in range(4)
    ]
    file.write_text(json.dumps(boxes))

    def check(merged):
        told = [
            (one['image_id'], one['category_id'], [round(float(side), 2) for side in one['bbox']], one['score'])
            for one in json.loads(file.read_bytes())
            if one['score'] >= 0.5 and min(one['bbox'][2:]) > 0
        ]
        added = json.loads((out / 'merged.json').read_text(), parse_constant=pytest.fail)['annotations']
        added = [one for one in added if 'detected' in one['extra']]
        assert len(added) == merged.added
        assert all((one['image_id'], one['category_id'], one['bbox'], one['score']) in told for one in added)

    counts = fuzz(lambda: merge(out, None, file), file, check)
    assert min(counts.values()) > 0


def test_fuzzed_gold(tmp_path):
    """Each true box of a dog is in its picture, and no others."""
    file = tmp_path / 'gold.json'
    images = [dict(id=n, file_name=f'{n}.png', width=50, height=40) for n in range(3)]
    images[2]['neg_category_ids'] = [4]
    boxes = [dict(id=n, image_id=n % 2, category_id=3 + n // 3, bbox=[n, 5, 15, 15]) for n in range(4)]
    categories = [dict(id=3, name='Dogs'), dict(id=4, name='tree')]
    file.write_text(json.dumps(dict(images=images, annotations=boxes, categories=categories)))
    asked = [dict(file_name=f'{n}.png', **SIZE) for n in range(3)]

    def read():
        gold = Gold(file, Categories({'dog': ()}))
        return [gold.boxes(one) for one in asked]

    def check(found):
        data = json.loads(file.read_bytes())
        names = {one['id']: str(one['name']) for one in data['categories']}
        for one, own in zip(asked, found, strict=True):
            expected = []
            for box in data['annotations']:
                image = next((image for image in data['images'] if image['id'] == box['image_id']), None)
                if image is None or image['file_name'] != one['file_name'] or box.get('iscrowd'):
                    continue
                if names[box['category_id']].lower().split()[-1:] in (['dogs'], ['dog']):
                    x, y, width, height = box['bbox']
                    sides = [x / image['width'], y / image['height']]
                    sides += [(x + width) / image['width'], (y + height) / image['height']]
                    expected.append([side * size for side, size in zip(sides, (100, 80, 100, 80), strict=True)])
            found_boxes = [] if own is None else own.get('dog', [])
            assert np.allclose(np.reshape(sorted(found_boxes), (-1, 4)), np.reshape(sorted(expected), (-1, 4)))

    # Sizes that have changed places are told of the picture.
    counts = fuzz(read, file, check)
    assert min(counts.values()) > 0


@pytest.mark.parametrize('content', ['person: [man, woman]\ndog: []\n', '- dog\n- fire truck\n'])
def test_fuzzed_categories(tmp_path, content):
    file = tmp_path / 'classes.yaml'
    file.write_text(content)

    def check(categories):
        assert categories.names == list(yaml.safe_load(file.read_bytes()))

    counts = fuzz(lambda: read_categories(str(file)), file, check)
    assert min(counts.values()) > 0


def test_fuzzed_thresholds(tmp_path):
    file = tmp_path / 'thresholds.yaml'
    file.write_text(thresholds_yaml(Thresholds(cap=3)))

    def check(found):
        told = yaml.safe_load(file.read_bytes()) or {}
        assert {name: getattr(found, name) for name in told} == told

    counts = fuzz(lambda: read_thresholds(file), file, check)
    assert min(counts.values()) > 0


def test_fuzzed_answers(tmp_path):
    """What an interrupted run goes on with is what it has written, or is asked again."""
    folder = write_answers(
        tmp_path / 'answers', *(record(f'{n}.png', answered('dog', [n, 1, 20, 20])) for n in range(6))
    )
    (file,) = folder.glob('part-*')
    written = list(read_blocks(folder))

    def read():
        blocks = sorted(index_blocks(folder))
        return dict(zip(blocks, read_blocks(folder), strict=True))

    def check(found):
        assert all(written[block] == value for block, value in found.items())

    fuzz(read, file, check)


def test_fuzzed_question(tmp_path):
    asked = dict(weights='a', size=[64, 64], scales=[0.5, 2.0])
    check_asked(tmp_path, asked)
    file = tmp_path / 'asked.json'

    def check(nothing):
        assert json.loads(file.read_bytes()) == asked

    counts = fuzz(
        lambda: check_asked(tmp_path, asked), file, check, skipped=lambda error: 'a run with another' in str(error)
    )
    assert min(counts.values()) > 0
