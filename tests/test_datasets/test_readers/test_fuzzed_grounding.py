"""Every reader of boxes: changed files are read rightly, or refused in one line with the file's name.

What is read must stand in the changed file, as a second, plain reading finds it: texts, spans, and the boxes of each
picture.
"""

import json
import math
import re
from pathlib import Path

import pytest
from PIL import Image
from support.fuzzing import fuzz

from slan_mm.datasets import CocoDataset, GroundingDataset
from slan_mm.datasets.readers.boxes import MAX_OVER, MAX_SIDE, finite_numbers
from slan_mm.plain_text import is_blank, is_whole

CAPTION = 'a man holds a red ball , the man smiles'
SIZE = {'height': 80, 'width': 120}
IMAGES = [
    {'id': number, 'file_name': f'{name}.jpg', **SIZE, 'caption': CAPTION, 'original_img_id': number}
    for number, name in enumerate('abc', start=5)
]
SPANS = [[[0, 5], [25, 32]], [[12, 22]], [[33, 39]]]
BOXES = [
    {'id': 9 * n, 'image_id': image['id'], 'bbox': [1 + n, 2, 10, 20.5], 'tokens_positive': spans}
    for image in IMAGES
    for n, spans in enumerate(SPANS[:2])
]
REFERENCES = [
    {'ann_id': n, 'image_id': 5 + n, 'split': split,
     'sentences': [{'sent_id': 2 * n + m, 'sent': f'man {m}'} for m in (0, 1)]}
    for n, split in enumerate(('train', 'train', 'val'))
]  # fmt: skip
INSTANCES = {
    'images': IMAGES,
    'categories': [{'id': 1, 'name': 'person'}, {'id': 18, 'name': 'dog'}],
    'annotations': [
        {'id': n, 'image_id': 5 + n, 'category_id': (1, 18, 1)[n], 'bbox': [1, 2, 10, 20], 'area': 200, 'iscrowd': 0}
        for n in range(3)
    ],
}
REGIONS = [
    {'bbox': [[1, 2, 11, 22], [3, 3, 7, 7]], 'phrase': 'a man', 'tokens_positive': [[0, 5]]},
    {'bbox': [1, 2, 11, 22], 'phrase': 'a red ball', 'tokens_positive': [[12, 22]]},
]
ODVG = [
    {'filename': 'a.jpg', **SIZE, 'grounding': {'caption': CAPTION, 'regions': REGIONS}},
    {'filename': 'b.jpg', **SIZE, 'detection': {'instances': [
        {'bbox': [1, 2, 11, 22], 'label': label, 'category': 'dog'} for label in (0, 7, 0)
    ]}},
]  # fmt: skip
XML = (
    '<annotation><filename>a.jpg</filename><size><width>120</width><height>80</height><depth>3</depth></size>'
    + ''.join(
        f'<object><name>{name}</name><bndbox><xmin>1</xmin><ymin>2</ymin><xmax>{name}</xmax><ymax>44</ymax></bndbox>'
        '</object>'
        for name in (3, 14)
    )
    + '<object><name>5</name><nobndbox>1</nobndbox></object></annotation>'
)
SENTENCES = (
    '[/EN#3/people A man] holds [/EN#14/other/toys a red ball] .\n[/EN#3/people He] smiles at [/EN#5/scene us]\n'
)

JSONL = '\n'.join(map(json.dumps, ODVG))
#: Of each case the files, the one that is changed first, and the data set's arguments.
CASES = {
    'mdetr': ({'g.json': {'images': [image | {'tokens_positive_eval': SPANS} for image in IMAGES],
                          'annotations': BOXES}},
              dict(ann_file='g.json')),
    'mdetr without phrases': ({'g.json': {'images': IMAGES, 'annotations': BOXES}}, dict(ann_file='g.json')),
    'mdetr_refexp': ({'g.json': {'images': IMAGES, 'annotations': BOXES[::2]}},
                     dict(ann_file='g.json', format='mdetr_refexp')),
    'refer': ({'refs.json': REFERENCES, 'i.json': INSTANCES},
              dict(ann_file='refs.json', format='refer', instances='i.json')),
    'refer boxes': ({'i.json': INSTANCES, 'refs.json': REFERENCES},
                    dict(ann_file='refs.json', format='refer', instances='i.json')),
    'odvg': ({'o.jsonl': JSONL}, dict(ann_file='o.jsonl', format='odvg')),
    'odvg labels': ({'labels.json': {'0': 'dog', '7': 'hot dog'}, 'o.jsonl': JSONL},
                    dict(ann_file='o.jsonl', format='odvg', label_map_file='labels.json')),
    'entities boxes': ({'Annotations/a.xml': XML, 'Sentences/a.txt': SENTENCES, 'test.txt': 'a\n'},
                       dict(format='entities', split='test')),
    'entities sentences': ({'Sentences/a.txt': SENTENCES, 'Annotations/a.xml': XML, 'test.txt': 'a\n'},
                           dict(format='entities', split='test')),
}  # fmt: skip


def values_of(data):
    """All values in JSON, lists and dicts among them."""
    yield data
    for value in data.values() if isinstance(data, dict) else data if isinstance(data, list) else ():
        yield from values_of(value)


class Plain:
    """What stands in files of JSON: texts, spans, and boxes (x1, y1, x2, y2), by the picture where they tell it."""

    def __init__(self, files):
        contents = []
        for file in files:
            text = file.read_bytes().decode('utf-8-sig')
            lines = [line for line in text.split('\n') if line.strip()]
            contents += map(json.loads, lines) if file.suffix == '.jsonl' else [json.loads(text)]
        values = list(values_of(contents))
        self.texts = {' '.join(value.split()) for value in values if isinstance(value, str)}
        lists = [value for value in values if isinstance(value, list)]
        self.spans = {tuple(value) for value in lists if len(value) == 2 and all(type(x) is int for x in value)}
        self.boxes = {tuple(map(float, box)) for box in filter(finite_numbers, lists)}
        self.by_picture = {}
        for data in contents:
            if isinstance(data, dict) and {'images', 'annotations'} <= data.keys():
                for image in data['images']:
                    own = [
                        one['bbox'] for one in data['annotations'] if one.get('image_id', image['id']) == image['id']
                    ]
                    own = [tuple(map(float, (x, y, x + w, y + h))) for x, y, w, h in filter(finite_numbers, own)]
                    self.by_picture.setdefault(image['file_name'].strip(), set()).update(own)

    def check(self, item, root):
        text = item['text']
        for phrase in item['phrases']:
            for start, end in phrase['spans']:
                named = ' '.join(text[start:end].split())
                assert (start, end) in self.spans or (start, end) == (0, len(text)) or named in self.texts
            boxes = self.by_picture[item['img_path'].removeprefix(f'{root}/')] if self.by_picture else self.boxes
            assert {tuple(map(float, box)) for box in phrase['boxes']} <= boxes
        # ODVG's detection makes a text of its categories.
        assert ' '.join(text.split()) in self.texts or all(
            ' '.join(text[start:end].split()) in self.texts
            for phrase in item['phrases']
            for start, end in phrase['spans']
        )


def plain_sentences(file):
    """The sentences of Flickr30k Entities without their marks."""
    lines = file.read_bytes().decode('utf-8-sig').split('\n')
    return {' '.join(re.sub(r'\[/EN#\S*\s+(.*?)\](?=\s|$)', r'\1', line).split()) for line in lines}


@pytest.mark.parametrize(('case', 'bad_boxes'), [('mdetr', 'error'), *((case, 'drop') for case in CASES)])
def test_fuzzed_grounding(images: Path, write, case, bad_boxes):
    contents, options = CASES[case]
    changed, *others = [Path(write(name, content)) for name, content in contents.items()]

    def read():
        dataset = GroundingDataset(
            data_root=str(images.parent), data_prefix={'img': 'images'}, bad_boxes=bad_boxes, **options
        )
        return [dataset.get_data_info(index) for index in range(len(dataset))]

    def check(items):
        assert items and len({item['sample_id'] for item in items}) == len(items)
        entities = case.startswith('entities')
        plain = None if entities else Plain([changed, *others])
        for item in items:
            if entities:
                assert ' '.join(item['text'].split()) in plain_sentences(images.parent / 'Sentences' / 'a.txt')
            else:
                plain.check(item, images)
            text, (height, width) = item['text'], item['ori_shape']
            assert all(map(is_whole, (text, item['img_path'], item['image_id'], item['sample_id']))) and not is_blank(
                text
            )
            assert item['image_id'] and item['image_id'] not in ('None', 'True', 'False')
            assert type(height) is type(width) is int and 1 <= min(height, width) <= max(height, width) <= MAX_SIDE
            assert item['phrases'] and len({p['phrase_id'] for p in item['phrases']}) == len(item['phrases'])
            for phrase in item['phrases']:
                assert phrase['spans']
                assert all(type(place) is int for span in phrase['spans'] for place in span)
                assert all(0 <= start < end <= len(text) for start, end in phrase['spans'])
                for x1, y1, x2, y2 in phrase['boxes']:
                    assert all(type(side) in (int, float) and math.isfinite(side) for side in (x1, y1, x2, y2))
                    assert -MAX_OVER <= x1 < x2 <= width + MAX_OVER and -MAX_OVER <= y1 < y2 <= height + MAX_OVER

    # Of Flickr30k Entities only the folder tells that no sentence is left.
    counts = fuzz(read, changed, check, skipped=lambda error: 'no caption with a phrase' in str(error))
    assert min(counts.values()) > 0


def test_fuzzed_coco_instances(images: Path, write):
    file = write('i.json', INSTANCES)
    for image in IMAGES:
        Image.new('RGB', (SIZE['width'], SIZE['height'])).save(images / image['file_name'])

    def read():
        return CocoDataset(
            ann_file=file, data_prefix={'img': str(images)}, metainfo={'classes': ('dog', 'person')}, pipeline=[]
        )

    def check(dataset):
        for index in range(len(dataset)):
            info = dataset.get_data_info(index)
            assert 1 <= info['height'] <= MAX_SIDE and 1 <= info['width'] <= MAX_SIDE and is_whole(info['img_path'])
            for box in info['instances']:
                assert box['bbox_label'] in (0, 1) and all(map(math.isfinite, box['bbox']))
                assert box['bbox'][2] > box['bbox'][0] and box['bbox'][3] > box['bbox'][1]

    counts = fuzz(read, Path(file), check)
    assert min(counts.values()) > 0
