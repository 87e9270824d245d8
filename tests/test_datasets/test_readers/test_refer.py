"""Referring expressions in the layouts of their authors and of MDETR."""

import os
import pickle
from pathlib import Path

import pytest
from support.fuzzing import fuzz

from slan_mm.datasets import GroundingDataset
from slan_mm.datasets.readers import AnnotationError
from slan_mm.datasets.readers.mdetr import read_mdetr
from slan_mm.datasets.readers.refer import read_refer
from slan_mm.plain_text import is_whole

INSTANCES = {
    'images': [{'id': 7, 'file_name': 'a.jpg', 'height': 80, 'width': 120}],
    'annotations': [{'id': 1, 'bbox': [1, 2, 10, 20]}, {'id': 2, 'bbox': [30, 0, 5, 6]}],
}


def references():
    return [
        {
            'ann_id': 1, 'image_id': 7, 'split': 'train',
            'sentences': [{'sent_id': 10, 'sent': 'left man'}, {'sent_id': 11, 'sent': 'man'}],
        },
        {'ann_id': 2, 'image_id': 7, 'split': 'testA', 'sentences': [{'sent_id': 12, 'sent': 'the ball'}]},
    ]  # fmt: skip


@pytest.fixture
def read(write):
    def run(refs=None, instances=INSTANCES, split=None):
        file = Path(write('refs.json', references() if refs is None else refs))
        return list(read_refer(file, Path(write('instances.json', instances)), 'root', split))

    return run


def test_an_expression_is_a_phrase_with_one_box(read):
    records = read()
    assert [(r.sample_id, r.image_id, r.text) for r in records] == [
        ('10', '7', 'left man'), ('11', '7', 'man'), ('12', '7', 'the ball'),
    ]  # fmt: skip
    assert records[0].size == (80, 120) and records[0].img_path == os.path.join('root', 'a.jpg')
    for record, box in zip(records, ([1, 2, 11, 22], [1, 2, 11, 22], [30, 0, 35, 6]), strict=True):
        (phrase,) = record.phrases
        assert phrase.spans == [[0, len(record.text)]] and phrase.boxes == [box]
        record.check()
    assert [record.sample_id for record in read(split='testA')] == ['12']


def test_the_pickle_is_read_and_runs_nothing(read, write, tmp_path):
    file = tmp_path / 'refs(unc).p'
    file.write_bytes(pickle.dumps(references(), protocol=2))
    instances = Path(write('instances.json', INSTANCES))
    assert list(map(str, read_refer(file, instances, ''))) != [] and len(list(read_refer(file, instances, ''))) == 3

    class Trap:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / 'sprung'),)

    file.write_bytes(pickle.dumps([Trap()]))
    with pytest.raises(AnnotationError, match=r'refs\(unc\)\.p: not a readable list .*mkdir'):
        list(read_refer(file, instances, ''))
    assert not (tmp_path / 'sprung').exists()
    file.write_bytes(b'no pickle')
    with pytest.raises(AnnotationError, match='not a readable list'):
        list(read_refer(file, instances, ''))
    file.write_bytes(pickle.dumps({'a': 1}))
    with pytest.raises(AnnotationError, match='expected a list of references, got dict'):
        list(read_refer(file, instances, ''))


@pytest.mark.parametrize(
    ('place', 'value', 'said'),
    [
        ('ann_id', 9, r'refs\.json, line 1, entry 0: ann_id 9 is not in .*instances\.json'),
        ('image_id', 9, 'image_id 9 is not in'),
        ('sentences', None, "field 'sentences' should be list"),
        ('split', 3, "field 'split' should be str"),
    ],
)
def test_wrong_entries_are_named(read, place, value, said):
    refs = references()
    refs[0][place] = value
    with pytest.raises(AnnotationError, match=said):
        read(refs)


@pytest.mark.parametrize(
    'content',
    [
        b'', b'\x80', b'\x80\x02]q\x00', b'\x80\x02}.', b'\x80\x02]r\xff\xff\xff\x7f.', b'p' * 9, b'(lp9999999999\n.',
        b'\x80\x04\x8e\xff\xff\xff\xff\xff\xff\xff\x0f.', b'\x80\x02(]' + b'(' * 5000 + b'l' * 5000 + b'.',
        pickle.dumps([1]), pickle.dumps([{'split': 'a\ud83d'}]), pickle.dumps([{'split': b'train'}]),
    ],
)  # fmt: skip
def test_odd_pickles_are_refused(write, tmp_path, content):
    file = tmp_path / 'refs(unc).p'
    file.write_bytes(content)
    with pytest.raises(AnnotationError) as error:
        list(read_refer(file, Path(write('instances.json', INSTANCES)), ''))
    assert str(error.value).startswith(str(file)) and '\n' not in str(error.value)


def test_fuzzed_pickles(write, tmp_path):
    file, instances = tmp_path / 'refs.p', Path(write('instances.json', INSTANCES))
    file.write_bytes(pickle.dumps(references(), protocol=2))

    def check(records):
        assert len({record.sample_id for record in records}) <= len(records)
        for record in records:
            assert is_whole(record.text + record.sample_id) and record.phrases[0].boxes[0][2] > 0

    fuzz(lambda: list(read_refer(file, instances, '')), file, check)


def test_missing_things_are_named(read, write):
    with pytest.raises(AnnotationError, match=r"nothing in split 'testB'.*'train': 1, 'testA': 1"):
        read(split='testB')
    with pytest.raises(FileNotFoundError, match=r'gone\.p'):
        list(read_refer(Path('gone.p'), Path(write('instances.json', INSTANCES)), ''))
    wrong = {**INSTANCES, 'annotations': [{'id': 1, 'bbox': [1, 2, 3]}]}
    record, *_ = read(references()[:1], wrong)
    with pytest.raises(AnnotationError, match='not four finite numbers'):
        record.check()


def expression(caption='left man', boxes=1, **image):
    return {
        'images': [{'id': 5, 'file_name': 'a.jpg', 'height': 80, 'width': 120, 'caption': caption, **image}],
        'annotations': [{'image_id': 5, 'bbox': [1, 2, 10, 20], 'tokens_positive': [[0, 4]]}] * boxes,
    }


def test_mdetrs_expressions(write):
    (record,) = read_mdetr(Path(write('g.json', expression())), 'root', whole_caption=True)
    (phrase,) = record.phrases
    assert phrase.spans == [[0, 8]] and phrase.boxes == [[1, 2, 11, 22]]
    for boxes in (0, 2):
        with pytest.raises(AnnotationError, match=rf'images\[0\]: {boxes} boxes for one expression'):
            list(read_mdetr(Path(write('g.json', expression(boxes=boxes))), 'root', whole_caption=True))


def test_the_data_set_reads_both_layouts(write, images):
    write('refs.json', references())
    write('instances.json', INSTANCES)
    write('g.json', expression())
    pipeline = [{'type': 'LoadImage'}, {'type': 'ResizeImage', 'size': 4}, {'type': 'PackPairs'}]
    common = dict(data_root=str(images.parent), data_prefix={'img': images.name}, pipeline=pipeline)
    refer = dict(format='refer', ann_file='refs.json', instances='instances.json', **common)
    (item,) = GroundingDataset(split='testA', **refer)
    assert item['data_samples'].text == 'the ball' and item['data_samples'].phrases[0]['boxes'].shape == (1, 4)
    assert len(GroundingDataset(format='mdetr_refexp', ann_file='g.json', **common)) == 1
    with pytest.raises(ValueError, match='needs instances'):
        GroundingDataset(format='refer', ann_file='refs.json', **common)
    with pytest.raises(ValueError, match='leave split=None'):
        GroundingDataset(format='mdetr_refexp', ann_file='g.json', split='val', **common)


@pytest.mark.parametrize(
    ('box', 'said'),
    [
        ([100, 2, 30, 20], 'reaches 10 pixels out of the image'),
        ([0, 70, 10, 20], 'reaches 10'),
        ([-5, 0, 9, 9], 'reaches 5'),
    ],
)
def test_a_box_outside_the_image_is_refused(write, images, box, said):
    layout = expression()
    layout['annotations'][0]['bbox'] = box
    file = write('g.json', layout)
    with pytest.raises(AnnotationError, match=rf'g\.json, line 1, images\[0\]: .*{said}'):
        GroundingDataset(file, format='mdetr_refexp', data_prefix={'img': str(images)})


def test_a_rounded_border_is_no_error(write, images):
    layout = expression()
    layout['annotations'][0]['bbox'] = [100, 0, 21, 81]
    assert len(GroundingDataset(write('g.json', layout), format='mdetr_refexp', data_prefix={'img': str(images)})) == 1
