"""Object detection data as grounding data."""

import json
import os
import runpy
from pathlib import Path

import pytest

from slan_mm.datasets.readers.mdetr import read_mdetr

ROOT = Path(__file__).parents[2]
REAL = Path(os.environ.get('SLAN_DATA', ROOT / 'data')) / 'coco_mini' / 'annotations' / 'instances_train2017.json'
INSTANCES = {
    'images': [
        {'id': 7, 'file_name': 'a.jpg', 'height': 80, 'width': 120},
        {'id': 8, 'file_name': 'b.jpg', 'height': 80, 'width': 120},
    ],
    'categories': [{'id': 1, 'name': 'person'}, {'id': 18, 'name': 'hot dog'}],
    'annotations': [
        {'image_id': 7, 'category_id': 18, 'bbox': [1, 2, 10, 20], 'iscrowd': 0},
        {'image_id': 7, 'category_id': 1, 'bbox': [0, 0, 5, 5]},
        {'image_id': 7, 'category_id': 18, 'bbox': [30, 2, 10, 20]},
        {'image_id': 7, 'category_id': 1, 'bbox': [0, 0, 50, 50], 'iscrowd': 1},
        {'image_id': 8, 'category_id': 1, 'bbox': [0, 0, 0, 5]},
    ],
}


@pytest.fixture(scope='module')
def tool():
    return runpy.run_path(str(ROOT / 'tools' / 'dataset_converters' / 'coco_to_grounding.py'))


def test_names_are_phrases_with_all_boxes_of_their_class(tool, tmp_path, capsys):
    source, out = tmp_path / 'instances.json', tmp_path / 'new' / 'grounding.json'
    source.write_text(json.dumps(INSTANCES))
    tool['main']([str(source), str(out)])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f'{out}: 1 images, 2 phrases, 3 boxes'
    assert set(lines[1:]) == {
        'left out: 1 crowds',
        'left out: 1 boxes without area',
        'left out: 1 images without a box',
    }
    (record,) = read_mdetr(out, 'root')
    record.check()
    assert record.text == 'hot dog, person' and record.size == (80, 120)
    found = {record.text[slice(*phrase.spans[0])]: phrase.boxes for phrase in record.phrases}
    assert found == {'hot dog': [[1, 2, 11, 22], [30, 2, 40, 22]], 'person': [[0, 0, 5, 5]]}


@pytest.mark.parametrize(('field', 'value', 'said'), [('category_id', 3, 'category_id 3'), ('bbox', 4, "field 'bbox'")])
def test_mistakes_are_told_in_a_line(tool, tmp_path, field, value, said):
    wrong = json.loads(json.dumps(INSTANCES))
    wrong['annotations'][1][field] = value
    source = tmp_path / 'instances.json'
    source.write_text(json.dumps(wrong))
    with pytest.raises(SystemExit, match=rf'coco_to_grounding: .*annotations\[1\]: {said}'):
        tool['main']([str(source), str(tmp_path / 'out.json')])
    with pytest.raises(SystemExit, match=r'gone\.json'):
        tool['main']([str(tmp_path / 'gone.json'), str(tmp_path / 'out.json')])


def test_two_categories_of_one_name_keep_all_boxes(tool, tmp_path):
    data = dict(INSTANCES, categories=[{'id': 1, 'name': 'hot dog'}, {'id': 18, 'name': 'hot dog'}])
    source, out = tmp_path / 'instances.json', tmp_path / 'grounding.json'
    source.write_text(json.dumps(data))
    tool['main']([str(source), str(out)])
    (record,) = read_mdetr(out, 'root')
    assert [phrase.boxes for phrase in record.phrases] == [[[1, 2, 11, 22], [0, 0, 5, 5], [30, 2, 40, 22]]]

    data['categories'][1]['id'] = 1
    source.write_text(json.dumps(data))
    with pytest.raises(SystemExit, match=r'categories\[1\]: the id 1 stands twice'):
        tool['main']([str(source), str(out)])


@pytest.mark.skipif(
    not REAL.is_file(), reason='no coco_mini: link it to data/coco_mini, or name its parent in SLAN_DATA'
)
def test_real_annotations(tool, tmp_path):
    tool['main']([str(REAL), str(tmp_path / 'grounding.json')])
    records = list(read_mdetr(tmp_path / 'grounding.json', ''))
    for record in records:
        record.check()
    phrases = [phrase for record in records for phrase in record.phrases]
    assert (len(records), len(phrases), sum(len(phrase.boxes) for phrase in phrases)) == (255, 868, 2125)
