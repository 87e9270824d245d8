from pathlib import Path

import pytest

from slan_mm.datasets.readers.entry import AnnotationError
from slan_mm.datasets.readers.mdetr import read_mdetr

CAPTION = 'a man holds a red ball , the man smiles'


def layout(annotations, phrases, **image):
    entry = {
        'id': 5, 'file_name': 'a.jpg', 'height': '80', 'width': 120, 'caption': CAPTION,
        'tokens_positive_eval': phrases, **image,
    }  # fmt: skip
    return {'images': [entry], 'annotations': annotations}


def read(write, *args, **kwargs):
    return list(read_mdetr(Path(write('g.json', layout(*args, **kwargs))), 'root'))


def test_boxes_go_to_phrases_by_their_spans(write):
    # MDETR's own files: a box carries the spans of all phrases of its entity; a box may serve two phrases.
    boxes = [
        {'image_id': 5, 'bbox': [1, 2, 10, 20], 'tokens_positive': [[12, 22]], 'id': 1},
        {'image_id': 5, 'bbox': [30, 0, 5, 6], 'tokens_positive': [[0, 5], [25, 32]], 'id': 2},
    ]
    (record,) = read(write, boxes, [[[0, 5]], [[6, 11]], [[12, 22]], [[25, 32]]])
    assert [phrase.boxes for phrase in record.phrases] == [
        [[30, 0, 35, 6]],
        [],  # "holds": no box; the phrases behind it keep theirs
        [[1, 2, 11, 22]],
        [[30, 0, 35, 6]],
    ]
    assert [phrase.phrase_id for phrase in record.phrases] == ['0', '1', '2', '3']
    assert (record.size, record.sample_id, record.image_id) == ((80, 120), '5', 'a')
    record.check()


def test_a_phrase_of_several_spans_keeps_them_all(write):
    boxes = [
        {'image_id': 5, 'bbox': [1, 2, 10, 20], 'tokens_positive': [[0, 5], [25, 32]]},
        {'image_id': 5, 'bbox': [7, 7, 2, 2], 'tokens_positive': [[0, 5]]},
    ]
    (record,) = read(write, boxes, [[[0, 5], [25, 32]], [[0, 5]]])
    assert record.phrases[0].spans == [[0, 5], [25, 32]]
    # The second box covers one of the two spans only: it is no box of the first phrase.
    assert record.phrases[0].boxes == [[1, 2, 11, 22]]
    assert record.phrases[1].boxes == [[1, 2, 11, 22], [7, 7, 9, 9]]


def test_phrase_ids_are_positions_and_not_ranks(write):
    boxes = [
        {'image_id': 5, 'bbox': [0, 0, 4, 4], 'phrase_ids': [2]},
        {'image_id': 5, 'bbox': [1, 1, 4, 4], 'phrase_ids': 0},
        {'image_id': 5, 'bbox': [2, 2, 4, 4], 'phrase_ids': [2]},
    ]
    (record,) = read(write, boxes, [[[0, 5]], [[6, 11]], [[12, 22]]])
    assert [len(phrase.boxes) for phrase in record.phrases] == [1, 0, 2]


def test_two_captions_of_an_image_are_two_samples(write):
    data = layout([{'image_id': 6, 'bbox': [0, 0, 4, 4], 'phrase_ids': [0]}], [[[0, 5]]], original_img_id=77)
    data['images'].append({**data['images'][0], 'id': 6, 'caption': 'a ball'})
    records = list(read_mdetr(Path(write('g.json', data)), 'root'))
    assert [(r.sample_id, r.image_id, len(r.phrases[0].boxes)) for r in records] == [('5', '77', 0), ('6', '77', 1)]


BOX = {'image_id': 5, 'bbox': [0, 0, 4, 4], 'phrase_ids': [0]}
BAD = {
    'no phrase': ([{**BOX, 'tokens_positive': [[6, 11]]}], [[[0, 5]]], r'annotations\[0\].*belongs to no phrase'),
    'no position': ([{**BOX, 'phrase_ids': [1]}], [[[0, 5]]], 'phrase id 1 is no position'),
    'no phrase field': ([{'image_id': 5, 'bbox': [0, 0, 1, 1]}], [[[0, 5]]], "no field 'phrase_ids'"),
    'no image': ([{**BOX, 'image_id': 9}], [[[0, 5]]], 'image_id 9 is not among'),
    'flat spans': ([BOX], [[0, 5]], 'no list of spans'),
}


@pytest.mark.parametrize('case', BAD)
def test_errors(write, case):
    annotations, phrases, words = BAD[case]
    with pytest.raises(AnnotationError, match=words):
        read(write, annotations, phrases)


@pytest.mark.parametrize(
    ('box', 'spans', 'image', 'words'),
    [
        ([0, 0, 0, 4], [[0, 5]], {}, 'no area'),
        ([0, 0, 4], [[0, 5]], {}, 'not four finite numbers'),
        ([0, 0, 4, True], [[0, 5]], {}, 'not four finite numbers'),
        (None, [[0, 5]], {}, 'box None is not four finite numbers'),
        ([0, float('nan'), 4, 4], [[0, 5]], {}, 'not four finite numbers'),
        ([0, 0, 1e308, 10**400], [[0, 5]], {}, 'not four finite numbers'),
        ([0, 0, 4, 4], [[0, 99]], {}, 'not inside the caption of 39'),
        ([0, 0, 4, 4], [[5, 5]], {}, 'not inside'),
        ([0, 0, 4, 4], [], {}, 'no span'),
        ([0, 0, 4, 4], [[0, 5]], {'height': 0}, 'no image size'),
        ([0, 0, 4, 4], [[0, 5]], {'height': '9' * 400}, 'no image size'),
        ([0, 0, 4, 4], [[0, 5]], {'caption': ' '}, 'empty'),
    ],
)
def test_records_are_checked(write, box, spans, image, words):
    (record,) = read(write, [{**BOX, 'bbox': box}], [spans], **image)
    with pytest.raises(AnnotationError, match=words):
        record.check()


def test_a_size_that_is_no_number(write):
    with pytest.raises(AnnotationError, match='number of pixels'):
        read(write, [], [], height='tall')
    for height in (float('nan'), float('inf'), '12 px'):
        with pytest.raises(AnnotationError, match='number of pixels'):
            read(write, [], [], height=height)


def test_without_a_list_of_phrases_they_are_those_of_the_boxes(write):
    # MDETR's training files.
    boxes = [
        {'image_id': 5, 'bbox': [30, 0, 5, 6], 'tokens_positive': [[25, 32], [0, 5]]},
        {'image_id': 5, 'bbox': [1, 2, 10, 20], 'tokens_positive': [[12, 22]]},
        {'image_id': 5, 'bbox': [3, 3, 4, 4], 'tokens_positive': [[0, 5], [25, 32]]},
        {'image_id': 5, 'bbox': [2, 2, 2, 2], 'tokens_positive': [[0, 5]]},
    ]
    data = layout(boxes, None)
    del data['images'][0]['tokens_positive_eval']
    for content in (data, layout(boxes, None)):
        (record,) = read_mdetr(Path(write('g.json', content)), 'root')
        assert [phrase.spans for phrase in record.phrases] == [[[0, 5]], [[0, 5], [25, 32]], [[12, 22]]]
        assert [phrase.boxes for phrase in record.phrases] == [
            [[2, 2, 4, 4]],
            [[30, 0, 35, 6], [3, 3, 7, 7]],
            [[1, 2, 11, 22]],
        ]
        assert [phrase.phrase_id for phrase in record.phrases] == ['0', '1', '2']
        record.check()
    with pytest.raises(AnnotationError, match=r"annotations\[0\]: no field 'tokens_positive'"):
        read(write, [{'image_id': 5, 'bbox': [0, 0, 1, 1]}], None)


@pytest.mark.parametrize(
    ('fields', 'expected'),
    [
        ({'original_img_id': None}, 'train/a.b'),
        ({}, 'train/a.b'),
        ({'original_img_id': 0}, '0'),
        ({'original_img_id': '0'}, '0'),
    ],
)
def test_the_image_id(write, fields, expected):
    (record,) = read(write, [], [], file_name='train/a.b.jpg', **fields)
    assert record.image_id == expected


@pytest.mark.parametrize('value', [True, [], 1.5, ''])
def test_what_is_no_id(write, value):
    with pytest.raises(AnnotationError, match="field 'original_img_id'"):
        read(write, [], [], original_img_id=value)


def test_ids_as_text_and_as_numbers_are_one(write):
    data = layout([{**BOX, 'image_id': '5'}], [[[0, 5]]])
    (record,) = read_mdetr(Path(write('g.json', data)), 'root')
    assert len(record.phrases[0].boxes) == 1
    data['images'].append({**data['images'][0], 'id': '5'})
    with pytest.raises(AnnotationError, match='a second image with id'):
        list(read_mdetr(Path(write('g.json', data)), 'root'))
