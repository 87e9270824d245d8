"""Phrases with boxes in every layout, COCO's instances: changed files are read, or refused in one line."""

import json
import math

import pytest
from support.fuzzing import fuzz

from slan_mm.datasets import GroundingDataset
from slan_mm.datasets.coco_file import CocoFile
from slan_mm.plain_text import is_blank, is_whole

CAPTION = 'a man holds a red ball'
IMAGES = [{'id': n, 'file_name': f'{"abc"[n]}.jpg', 'height': 80, 'width': '120', 'caption': CAPTION} for n in range(3)]
BOXES = [
    {'id': n, 'image_id': n, 'bbox': [1, 2, 10 + n, 20.5], 'tokens_positive': [[12, 22]], 'category_id': 7, 'area': 9}
    for n in range(3)
]
REGIONS = [
    {'bbox': [1, 2, 30, 40], 'tokens_positive': [[0, 5]]},
    {'bbox': [[5, 5, 9, 9]], 'tokens_positive': [[12, 22]]},
]
INSTANCES = [
    {'bbox': [1, 2, 30, 40], 'label': 0, 'category': 'man'},
    {'bbox': [5, 5, 9, 9], 'label': 1, 'category': 'ball'},
]
LINE = {'filename': 'a.jpg', 'height': 80, 'width': 120}
FILES = {
    'mdetr': ('mdetr', 'g.json', {
        'images': [{**image, 'tokens_positive_eval': [[[0, 5]], [[12, 22]]]} for image in IMAGES], 'annotations': BOXES,
    }),
    'mdetr in training': ('mdetr', 'g.json', {'images': IMAGES, 'annotations': BOXES}),
    'mdetr_refexp': ('mdetr_refexp', 'g.json', {'images': IMAGES, 'annotations': BOXES}),
    'odvg grounding': ('odvg', 'g.jsonl', [{**LINE, 'grounding': {'caption': CAPTION, 'regions': REGIONS}}] * 3),
    'odvg detection': ('odvg', 'g.jsonl', [{**LINE, 'detection': {'instances': INSTANCES}}] * 3),
    'refer': ('refer', 'g.json', [
        {'ann_id': n, 'image_id': n, 'split': 'train', 'sentences': [{'sent_id': 10 + n, 'sent': 'left man'}]}
        for n in range(3)
    ]),
}  # fmt: skip


@pytest.mark.parametrize('case', FILES)
def test_grounding(images, write, tmp_path, case):
    format, name, content = FILES[case]
    write(name, '\n'.join(map(json.dumps, content)) if name.endswith('l') else content)
    sizes = [{**image, 'width': 120} for image in IMAGES]
    instances = write('instances.json', {'images': sizes, 'annotations': BOXES}) if format == 'refer' else None

    def read():
        dataset = GroundingDataset(
            name, format, instances=instances, data_root=str(tmp_path), data_prefix=dict(img='images'), pipeline=[],
            serialize_data=False,
        )  # fmt: skip
        return [dataset.get_data_info(number) for number in range(len(dataset))]

    def check(items):
        assert len({item['sample_id'] for item in items}) == len(items) > 0
        for item in items:
            height, width = item['ori_shape']
            assert not is_blank(item['text']) and is_whole(item['text'] + item['image_id'] + item['sample_id'])
            for phrase in item['phrases']:
                assert all(0 <= start < end <= len(item['text']) for start, end in phrase['spans'])
                for x1, y1, x2, y2 in phrase['boxes']:
                    assert -2 <= x1 < x2 <= width + 2 and -2 <= y1 < y2 <= height + 2

    fuzz(read, tmp_path / name, check)


def test_coco_instances(write, tmp_path):
    names = [{'id': 7, 'name': 'man'}, {'id': 9, 'name': 'ball'}]
    content = {'images': [{**image, 'width': 120} for image in IMAGES], 'categories': names, 'annotations': BOXES}
    write('coco.json', content)

    def check(coco):
        for box in coco.dataset['annotations']:
            assert len(box['bbox']) == 4 and all(type(side) in (int, float) for side in box['bbox'])
            assert all(map(math.isfinite, box['bbox'])) and box['category_id'] in coco.cats

    fuzz(lambda: CocoFile(str(tmp_path / 'coco.json')), tmp_path / 'coco.json', check)
