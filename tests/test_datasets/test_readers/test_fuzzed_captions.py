"""Every reader of captions: changed files are read rightly, or refused in one line with the file's name."""

import json
import os
from pathlib import Path

import pytest
from support.fuzzing import fuzz

from slan_mm.datasets.readers import read_captions
from slan_mm.plain_text import is_blank, is_whole

NAMES = 'abcd'
SPLITS = ('train', 'train', 'train', 'val')
LISTED = [
    {'image': f'{name}.jpg', 'caption': [f'a {name}', f'"{name}", too'], 'image_id': number, 'split': split}
    for number, (name, split) in enumerate(zip(NAMES, SPLITS, strict=True))
]
TABLE = 'image,caption,image_id,split\n' + ''.join(
    f'{e["image"]},a {e["image"][0]},{e["image_id"]},{e["split"]}\n{e["image"]},"one, ""two""\nlines",{e["image_id"]},'
    f'{e["split"]}\n'
    for e in LISTED
)
FILES = {
    'karpathy': ('k.json', {'images': [
        {'filename': e['image'], 'cocoid': e['image_id'], 'filepath': '', 'split': e['split'],
         'sentences': [{'raw': caption} for caption in e['caption']]}
        for e in LISTED
    ]}),
    'coco_captions': ('c.json', {
        'images': [{'id': e['image_id'], 'file_name': e['image']} for e in LISTED],
        'annotations': [{'image_id': e['image_id'], 'caption': c} for e in LISTED for c in e['caption']],
    }),
    'json_list': ('l.json', LISTED),
    'jsonl': ('t.jsonl', '\n'.join(json.dumps(e) for e in LISTED)),
    'csv': ('t.csv', TABLE),
    'tsv': ('t.tsv', 'image\tcaption\tsplit\n' + '\n'.join(f'{e["image"]}\ta "b\t{e["split"]}' for e in LISTED)),
    'msrvtt': ('m.csv', 'video_id,sentence,split\n' + ''.join(f'{n},"a {n}, {n}",train\n' for n in NAMES)),
}  # fmt: skip


@pytest.mark.parametrize('case', FILES)
def test_fuzzed(images: Path, write, case):
    name, content = FILES[case]
    file = write(name, content)
    format = case if case in ('karpathy', 'coco_captions', 'json_list', 'msrvtt') else 'table'
    splits = (None,) if case == 'coco_captions' else ('train', 'val') if case != 'msrvtt' else ('train',)
    options = {'ending': '.jpg'} if case == 'msrvtt' else {}

    def read():
        return {split: read_captions(file, str(images), format, split, **options) for split in splits}

    def check(found):
        pictures = {}
        for split, records in found.items():
            for record in records:
                picture = os.path.realpath(record.img_path).replace('\0', '') if '\0' not in record.img_path else None
                assert pictures.setdefault(picture, (record.image_id, split)) == (record.image_id, split)
                assert record.captions and not any(map(is_blank, record.captions))
                assert all(map(is_whole, [record.image_id, record.img_path, *record.captions]))
                assert type(record.image_id) is str and record.image_id == record.image_id.strip() != ''
                assert record.split is None or record.split == split or split is None
                # No caption has taken in another row.
                assert not any('.jpg,' in caption or 'image_id' in caption for caption in record.captions)
            assert len({record.image_id for record in records}) == len(records)

    counts = fuzz(read, Path(file), check)
    assert min(counts.values()) > 0
