import pytest

from slan_mm.datasets import GroundingDataset
from slan_mm.datasets.readers import AnnotationError
from slan_mm.datasets.unreadable import UnreadableImageError

PIPELINE = [{'type': 'LoadImage'}, {'type': 'ResizeImage', 'size': 4}, {'type': 'PackPairs'}]
IMAGE = {'id': 5, 'file_name': 'a.jpg', 'height': 80, 'width': 120, 'caption': 'a man holds a ball'}


def mdetr(write, images, phrases=([[0, 5]], [[6, 11]], [[12, 18]]), **options):
    file = write(
        'g.json',
        {
            'images': [
                {**IMAGE, 'tokens_positive_eval': list(phrases)},
                {**IMAGE, 'id': 6, 'tokens_positive_eval': []},
            ],
            'annotations': [{'image_id': 5, 'bbox': [1, 2, 10, 20], 'tokens_positive': [[12, 18]]}],
        },
    )
    return GroundingDataset(file, data_prefix={'img': str(images)}, pipeline=PIPELINE, **options)


def test_boxes_are_in_original_pixels_whatever_the_file_on_disk(write, images):
    (item,) = mdetr(write, images, id_prefix='x/')  # the caption without a phrase is left out
    sample = item['data_samples']
    assert sample.text == 'a man holds a ball'
    assert (sample.image_id, sample.sample_id) == ('x/a', 'x/5')
    assert sample.ori_shape == (80, 120)  # a.jpg itself is 8 x 12
    assert sample.img_shape == (4, 4)
    assert [phrase['boxes'].tolist() for phrase in sample.phrases] == [[], [], [[1, 2, 11, 22]]]
    assert [phrase['boxes'].shape[1] for phrase in sample.phrases] == [4, 4, 4]
    assert [phrase['category'] for phrase in sample.phrases] == [None] * 3
    assert sample.text[slice(*sample.phrases[2]['spans'][0])] == 'a ball'


def test_entities(write, images):
    write('entities/Sentences/b.txt', '[/EN#3/people/other A man] runs\nNo phrase\n')
    write('entities/test.txt', 'b\n')
    root = images.parent / 'entities'
    write(
        'entities/Annotations/b.xml',
        '<annotation><size><width>120</width><height>80</height></size><object><name>3</name>'
        '<bndbox><xmin>1</xmin><ymin>2</ymin><xmax>3</xmax><ymax>4</ymax></bndbox></object></annotation>',
    )
    dataset = GroundingDataset(
        format='entities', split='test', data_root=str(root), data_prefix={'img': str(images)}, pipeline=PIPELINE
    )
    (item,) = dataset
    sample = item['data_samples']
    assert (sample.text, sample.ori_shape, sample.sample_id) == ('A man runs', (80, 120), 'b#0')
    (phrase,) = sample.phrases
    assert phrase['category'] == ['people', 'other'] and phrase['boxes'].tolist() == [[1, 2, 3, 4]]
    assert phrase['spans'] == [[0, 5]] and phrase['phrase_id'] == '3/0'


def test_errors(write, images):
    with pytest.raises(AnnotationError, match=r'g.json, line 1, images\[0\]: phrase .0.: span \[0, 99\)'):
        mdetr(write, images, phrases=[[[0, 99]], [[12, 18]]])
    with pytest.raises(ValueError, match='format'):
        mdetr(write, images, format='coco')
    with pytest.raises(ValueError, match='split'):
        mdetr(write, images, split='val')
    empty = write('empty.json', {'images': [], 'annotations': []})
    with pytest.raises(AnnotationError, match='no caption with a phrase'):
        GroundingDataset(empty, data_prefix={'img': str(images)})
    with pytest.raises(FileNotFoundError, match='nowhere'):
        GroundingDataset(empty, data_prefix={'img': 'nowhere'})


@pytest.mark.parametrize('damage', ['missing', 'truncated'])
def test_an_unreadable_picture_is_skipped_and_counted_in_training_only(write, images, noisy_image, truncate, damage):
    bad = images / 'bad.jpg'
    if damage == 'truncated':
        noisy_image.save(bad)
        truncate(bad)
    layout = {
        'images': [
            {**IMAGE, 'id': number, 'file_name': name, 'tokens_positive_eval': [[[0, 5]]]}
            for number, name in enumerate(('a.jpg', 'bad.jpg'))
        ],
        'annotations': [],
    }
    options = dict(ann_file=write('g.json', layout), data_prefix={'img': str(images)}, pipeline=PIPELINE)
    training = GroundingDataset(test_mode=False, **options)
    assert [item['data_samples'].image_id for item in training] == ['a', 'a']
    assert training.read_counter.unreadable >= 1
    with pytest.raises(UnreadableImageError, match=r'bad\.jpg'):
        list(GroundingDataset(**options))


NAN = float('nan')
#: What is no box, as [x1, y1, x2, y2]; and, where it differs, as [x, y, width, height].
NO_BOXES = {
    'no width': ([50, 20, 50, 32], [50, 20, 0, 12]),
    'inverted': ([50, 20, 40, 32], [50, 20, -10, 12]),
    'nan': ([1, NAN, 4, 4], [1, NAN, 4, 4]),
    'infinite': ([1, 1, float('inf'), 4], [1, 1, float('inf'), 4]),
    'true': ([True, 1, 4, 4], [True, 1, 4, 4]),
    'three': ([1, 2, 3], [1, 2, 3]),
    'null': (None, None),
}


@pytest.mark.parametrize('box', NO_BOXES)
@pytest.mark.parametrize(
    'format', ['mdetr', 'mdetr_train', 'mdetr_refexp', 'refer', 'odvg', 'odvg_detection', 'entities']
)
def test_what_is_no_box_is_refused_or_left_out_and_counted(write, images, format, box, monkeypatch):
    xyxy, xywh = NO_BOXES[box]
    if format == 'entities' and box in ('true', 'three', 'null'):
        pytest.skip('the XML has four texts')
    options = grounding_files(write, format, xyxy, xywh) | dict(
        data_root=str(images.parent), data_prefix={'img': 'images'}
    )
    with pytest.raises(AnnotationError, match="set bad_boxes='drop'"):
        GroundingDataset(**options)
    said = []
    monkeypatch.setattr('slan_mm.datasets.grounding_dataset.print_log', lambda text, *_: said.append(text))
    dataset = GroundingDataset(bad_boxes='drop', **options)
    kept = [phrase['boxes'] for index in range(len(dataset)) for phrase in dataset.get_data_info(index)['phrases']]
    assert [box for boxes in kept for box in boxes] == [[1, 2, 11, 22]] and len(kept) == 2
    assert ['1 of 2 boxes were left out, the first of' in text for text in said] == [True]


def grounding_files(write, format, xyxy, xywh):
    """Files of two boxes of two phrases: a good one, and one that is none. Returns the data set's arguments."""
    size = {'height': 80, 'width': 120}
    if format == 'entities':
        write('e/Sentences/a.txt', '[/EN#3/people A man] runs to [/EN#4/people a dog]\n')
        write('e/test.txt', 'a\n')
        boxes = ''.join(
            f'<object><name>{name}</name><bndbox>'
            + ''.join(f'<{s}>{v}</{s}>' for s, v in zip(('xmin', 'ymin', 'xmax', 'ymax'), box, strict=True))
            + '</bndbox></object>'
            for name, box in ((3, [1, 2, 11, 22]), (4, xyxy))
        )
        write(
            'e/Annotations/a.xml',
            f'<annotation><size><width>120</width><height>80</height></size>{boxes}</annotation>',
        )
        return dict(ann_file='e', format='entities', split='test')
    if format == 'odvg':
        regions = [
            {'bbox': box, 'tokens_positive': [span]} for box, span in (([1, 2, 11, 22], [0, 5]), (xyxy, [12, 18]))
        ]
        write('g.jsonl', {'filename': 'a.jpg', **size, 'grounding': {'caption': IMAGE['caption'], 'regions': regions}})
        return dict(ann_file='g.jsonl', format='odvg')
    if format == 'odvg_detection':
        boxes = [{'bbox': [1, 2, 11, 22], 'category': 'cat'}, {'bbox': xyxy, 'category': 'dog'}]
        write('g.jsonl', {'filename': 'a.jpg', **size, 'detection': {'instances': boxes}})
        return dict(ann_file='g.jsonl', format='odvg')
    boxes = [[1, 2, 10, 20], xywh]
    if format == 'refer':
        image = {'id': 1, 'file_name': 'a.jpg', **size}
        write('i.json', {'images': [image], 'annotations': [{'id': n, 'bbox': box} for n, box in enumerate(boxes)]})
        write(
            'refs.json',
            [
                {'ann_id': n, 'image_id': 1, 'split': 'val', 'sentences': [{'sent_id': n, 'sent': 'a man'}]}
                for n in range(2)
            ],
        )
        return dict(ann_file='refs.json', format='refer', instances='i.json')
    spans = [[[0, 5]], [[12, 18]]]
    pictures = [{**IMAGE, 'tokens_positive_eval': spans}] if format == 'mdetr' else [IMAGE]
    owners = [5, 5]
    if format == 'mdetr_refexp':
        pictures, owners = [IMAGE, {**IMAGE, 'id': 6}], [5, 6]
    annotations = [
        {'image_id': owner, 'bbox': box, 'tokens_positive': span}
        for owner, box, span in zip(owners, boxes, spans, strict=True)
    ]
    write('g.json', {'images': pictures, 'annotations': annotations})
    return dict(ann_file='g.json', format=format.replace('_train', ''))


def test_a_file_most_of_whose_boxes_are_none_is_another_format(write, images):
    options = grounding_files(write, 'odvg_detection', [5, 5, 1, 1], None)
    write('g.jsonl', (images.parent / 'g.jsonl').read_text().replace('[1, 2, 11, 22]', '[30, 2, 10, 22]'))
    with pytest.raises(AnnotationError, match='2 of 2 boxes are none'):
        GroundingDataset(bad_boxes='drop', data_root=str(images.parent), data_prefix={'img': 'images'}, **options)


@pytest.mark.parametrize(
    ('entries', 'ids'),
    [
        ([('a.jpg', None), ('a.png', None), ('./a.jpg', None)], ['a', 'a#a.png', 'a']),
        ([('a.jpg', 7), ('b.jpg', 7), ('c.jpg', '7')], ['7', '7#b.jpg', '7#c.jpg']),
        ([('a.jpg', 7), ('a.jpg', None), ('a.jpg', 0)], ['7', '7', '7']),
    ],
)
def test_each_image_has_one_id_and_each_id_one_image(write, images, entries, ids):
    listed = [
        IMAGE | dict(id=number, file_name=name, original_img_id=own, tokens_positive_eval=[[[0, 5]]])
        for number, (name, own) in enumerate(entries)
    ]
    file = write('g.json', {'images': listed, 'annotations': []})
    data = GroundingDataset(file, data_prefix={'img': str(images)}, pipeline=PIPELINE)
    found = [data.get_data_info(number)['image_id'] for number in range(3)]
    assert found == ids
