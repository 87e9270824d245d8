"""Every reader of captions: changed files are read rightly, or refused in one line with the file's name.

Read rightly is what a second, plain reading of the changed file finds in it, no more and no less.
"""

import csv
import io
import json
import os
from collections import Counter
from pathlib import Path

import pytest
from support.fuzzing import fuzz

from slan_mm.datasets.readers import read_captions
from slan_mm.datasets.readers.parquet_shards import extract_parquet
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


def rows_of(text, mark, quoting=csv.QUOTE_MINIMAL):
    """The rows of a table as a plain reading finds them."""
    rows = csv.reader(io.StringIO(text, newline=''), delimiter=mark, quoting=quoting)
    names, *rows = [row for row in rows if any(cell.strip() for cell in row)]
    return [dict(zip([name.strip() for name in names], row, strict=True)) for row in rows]


def plain(case, file, split):
    """(picture, caption) of all that a file tells of a split, None of all."""
    text = file.read_bytes().decode('utf-8-sig')
    if case == 'jsonl':
        entries = [json.loads(line) for line in text.split('\n') if line.strip()]
    elif case == 'tsv':
        entries = rows_of(text, '\t', csv.QUOTE_NONE)
    elif case in ('csv', 'msrvtt'):
        entries = rows_of(text, next((mark for mark in ',;\t' if mark in text.partition('\n')[0]), ','))
    else:
        entries = json.loads(text)
    if case == 'karpathy':
        told = [
            (os.path.join(one.get('filepath', ''), one['filename'].strip()), [s['raw'] for s in one['sentences']], one)
            for one in entries['images']
        ]
    elif case == 'coco_captions':
        names = {image['id']: image['file_name'].strip() for image in entries['images']}
        told = [(names[one['image_id']], [one['caption']], one) for one in entries['annotations']]
    elif case == 'msrvtt':
        told = [(f'{one["video_id"].strip()}.jpg', [one['sentence']], one) for one in entries]
    else:
        told = [(one['image'].strip(), one['caption'], one) for one in entries]
    return Counter(
        (os.path.join(str(file.parent / 'images'), name), caption.strip())
        for name, captions, one in told
        for caption in ([captions] if isinstance(captions, str) else captions)
        if split is None or str(one.get('split') or '').strip() == split
    )


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
            assert plain(case, Path(file), split) == Counter(
                (record.img_path, caption) for record in records for caption in record.captions
            )

    counts = fuzz(read, Path(file), check)
    assert min(counts.values()) > 0


@pytest.mark.parametrize('ending', ['jsonl', 'csv'])
def test_fuzzed_imagefolder(images: Path, write, ending):
    rows = [{'file_name': f'{name}.jpg', 'text': f'a {name}, "{name}"'} for name in NAMES]
    table = 'file_name,text\n' + ''.join(f'{row["file_name"]},"a {row["file_name"][0]}, b"\n' for row in rows)
    file = Path(write(f'images/metadata.{ending}', '\n'.join(map(json.dumps, rows)) if ending == 'jsonl' else table))

    def check(records):
        text = file.read_bytes().decode('utf-8-sig')
        lines = [line for line in text.split('\n') if line.strip()]
        told = Counter()
        for one in map(json.loads, lines) if ending == 'jsonl' else rows_of(text, ','):
            captions = next(one[name] for name in ('text', 'caption', 'captions') if name in one)
            path = os.path.normpath(one['file_name'].strip())
            told.update((path, caption.strip()) for caption in ([captions] if isinstance(captions, str) else captions))
        found = ((os.path.relpath(one.img_path, images), caption) for one in records for caption in one.captions)
        assert told == Counter(found)
        assert all(Path(one.img_path).resolve().is_relative_to(images) for one in records if '\0' not in one.img_path)

    def told(error):
        return f'{images}: no captions' in str(error)  # in none of a folder's files

    counts = fuzz(lambda: read_captions(str(images), str(images), 'imagefolder'), file, check, skipped=told)
    assert min(counts.values()) > 0


def test_fuzzed_parquet(images: Path, tmp_path):
    """Its pages have no checksums: what is extracted is what pyarrow reads of the changed file."""
    pyarrow = pytest.importorskip('pyarrow', reason='the extra parquet is not installed')
    from pyarrow import parquet

    source, out = tmp_path / 'source', tmp_path / 'out'
    source.mkdir()
    out.mkdir()
    file = source / 'train.parquet'
    pictures = [{'bytes': (images / f'{name}.jpg').read_bytes(), 'path': None} for name in NAMES]
    parquet.write_table(pyarrow.table({'image': pictures, 'text': [['a cat', 'b'], ['c'], ['d'], ['e']]}), file)

    def read():
        count = extract_parquet(source, out, tmp_path / 'table.jsonl')
        return count, [json.loads(line) for line in (tmp_path / 'table.jsonl').read_text().splitlines()]

    def check(found):
        count, lines = found
        rows = parquet.ParquetFile(file).read().to_pylist()
        assert count == len(lines) == len(rows)
        for line, row in zip(lines, rows, strict=True):
            told = [row[name] for name in row if name in ('text', 'caption', 'captions')]
            assert line['caption'] in (told[0], [told[0]])
            assert (out / line['image']).read_bytes() in [one['bytes'] for one in row.values() if isinstance(one, dict)]

    counts = fuzz(read, file, check)
    assert min(counts.values()) > 0
