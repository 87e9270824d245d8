"""MM-Grounding-DINO's json lines, against what mmdet's own reader makes of them."""

import json
from pathlib import Path

import pytest
from mmdet.datasets import ODVGDataset

from slan_mm.datasets import GroundingDataset
from slan_mm.datasets.readers.entry import AnnotationError
from slan_mm.datasets.readers.odvg import read_odvg

CAPTION = 'a man holds a red ball , the man smiles'
GROUNDING = {
    'filename': 'train/a.jpg',
    'height': 80,
    'width': 120,
    'grounding': {
        'caption': CAPTION,
        'regions': [
            {'bbox': [[30, 0, 35, 6], [3, 3, 7, 7]], 'phrase': 'a man', 'tokens_positive': [[0, 5]]},
            {'bbox': [1, 2, 11, 22], 'phrase': 'a red ball', 'tokens_positive': [[12, 22]]},
            {'bbox': [2, 2, 9, 9], 'phrase': ['a man'], 'tokens_positive': [[0, 5]]},
        ],
    },
}
DETECTION = {
    'filename': 'b.jpg',
    'height': 80,
    'width': 120,
    'detection': {
        'instances': [
            {'bbox': [1, 2, 11, 22], 'label': 7, 'category': 'dog'},
            {'bbox': [5, 5, 9, 9], 'label': 0, 'category': 'person'},
            {'bbox': [6, 6, 9, 9], 'label': 7, 'category': 'dog'},
        ]
    },
}
LABELS = {'0': 'person', '7': 'hot dog', '8': 'cat'}


def lines(*records):
    return ''.join(json.dumps(record) + '\n' for record in records)


def test_grounding_is_mmdets(write):
    file = write('g.jsonl', lines(GROUNDING))
    (record,) = read_odvg(Path(file), 'root')
    record.check()
    assert (record.img_path, record.image_id, record.sample_id) == ('root/train/a.jpg', 'train/a', 'train/a#1')
    assert (record.text, record.size) == (CAPTION, (80, 120))
    found = [(phrase.spans, box) for phrase in record.phrases for box in phrase.boxes]
    (theirs,) = ODVGDataset(
        ann_file=file, data_prefix=dict(img=''), pipeline=[], return_classes=True, lazy_init=True
    ).load_data_list()
    expected = [(theirs['phrases'][box['bbox_label']]['tokens_positive'], box['bbox']) for box in theirs['instances']]
    assert sorted(found) == sorted(expected) and len(record.phrases) == 2


def test_detection_is_mmdets(write):
    file, labels = write('d.jsonl', lines(DETECTION)), write('labels.json', LABELS)
    (record,) = read_odvg(Path(file), 'root', Path(labels))
    record.check()
    assert record.text == 'hot dog, person'
    assert [phrase.category for phrase in record.phrases] == [['hot dog'], ['person']]
    found = [(record.text[slice(*p.spans[0])], box) for p in record.phrases for box in p.boxes]
    mmdets = ODVGDataset(
        ann_file=file, label_map_file=labels, data_prefix=dict(img=''), pipeline=[], return_classes=True,
        lazy_init=True, metainfo=dict(classes=()),
    )  # fmt: skip
    (theirs,) = mmdets.load_data_list()
    expected = [(theirs['text'][str(box['bbox_label'])], box['bbox']) for box in theirs['instances']]
    assert sorted(found) == sorted(expected)
    (record,) = read_odvg(Path(file), 'root')
    assert record.text == 'dog, person', 'without a label map the categories count'


def test_both_kinds_in_one_data_set(write, images):
    write('o.jsonl', lines({**GROUNDING, 'filename': 'a.jpg'}, DETECTION, {**DETECTION, 'filename': 'a.jpg'}))
    write('labels.json', LABELS)
    dataset = GroundingDataset(
        'o.jsonl', 'odvg', label_map_file='labels.json', data_root=str(images.parent), data_prefix={'img': 'images'},
        pipeline=[{'type': 'LoadImage'}, {'type': 'PackPairs'}],
    )  # fmt: skip
    samples = [item['data_samples'] for item in dataset]
    assert [sample.sample_id for sample in samples] == ['a#1', 'b#2', 'a#3']
    assert [sample.image_id for sample in samples] == ['a', 'b', 'a']
    assert [len(phrase['boxes']) for phrase in samples[1].phrases] == [2, 1]


def test_an_image_without_objects_is_left_out(write, images):
    write('o.jsonl', lines(DETECTION, {**DETECTION, 'detection': {'instances': []}}))
    dataset = GroundingDataset(
        'o.jsonl', 'odvg', data_root=str(images.parent), data_prefix={'img': 'images'}, pipeline=[]
    )
    assert len(dataset) == 1


def changed(record, *path, value):
    record = json.loads(json.dumps(record))
    place = record
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return record


@pytest.mark.parametrize(
    ('record', 'said'),
    [
        (changed(GROUNDING, 'detection', value=DETECTION['detection']), 'either grounding or detection'),
        (changed(GROUNDING, 'grounding', value=None), 'either grounding or detection'),
        (
            changed(GROUNDING, 'grounding', 'regions', 1, 'tokens_positive', value=[12, 22]),
            r'regions\[1\].*list of spans',
        ),
        (changed(DETECTION, 'detection', 'instances', 0, 'label', value=9), r"instances\[0\]: label '9' has no name"),
        (changed(DETECTION, 'detection', 'instances', 0, 'label', value=True), "field 'label' should be int or str"),
        (changed(DETECTION, 'height', value='tall'), 'number of pixels'),
    ],
)
def test_mistakes_name_the_line(write, record, said):
    labels = Path(write('labels.json', LABELS))
    with pytest.raises(AnnotationError, match=rf'o\.jsonl, line 2.*{said}'):
        list(read_odvg(Path(write('o.jsonl', lines(DETECTION, record))), 'root', labels))


def test_the_label_map_is_checked(write):
    file = Path(write('d.jsonl', lines(DETECTION)))
    for content in ([], {'0': 1}, {'0': ' '}):
        with pytest.raises(AnnotationError, match=r'labels\.json'):
            list(read_odvg(file, 'root', Path(write('labels.json', content))))
