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
