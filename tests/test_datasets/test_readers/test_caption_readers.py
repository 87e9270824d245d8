import json

import pytest

from slan_mm.datasets.readers import AnnotationError, read_captions


def rows(records):
    return [(record.image_id, record.captions) for record in records]


def test_karpathy_keeps_the_asked_split_only(images, write, karpathy):
    records = read_captions(write('k.json', karpathy), str(images), 'karpathy', split='train')
    assert [record.image_id for record in records] == ['a', 'b', 'c']
    assert records[0].captions == ['a first caption .', 'a second caption .']
    assert records[0].img_path == str(images / 'a.jpg')
    both = read_captions(write('k.json', karpathy), str(images), 'karpathy', split=['train', 'val'])
    assert len(both) == 4


def test_karpathy_of_coco_has_folders_and_ids(images, write):
    (images / 'val2014').mkdir()
    (images / 'a.jpg').rename(images / 'val2014' / 'a.jpg')
    entry = {
        'filepath': 'val2014',
        'filename': 'a.jpg',
        'cocoid': 42,
        'split': 'restval',
        'sentences': [{'raw': 'a cat\n'}],
    }
    (record,) = read_captions(write('k.json', {'images': [entry]}), str(images), 'karpathy', split='restval')
    assert (record.image_id, record.img_path) == ('42', str(images / 'val2014' / 'a.jpg'))
    assert record.captions == ['a cat']


def test_coco_captions_are_grouped_by_image(images, write):
    data = {
        'images': [{'id': 7, 'file_name': 'a.jpg'}, {'id': 9, 'file_name': 'b.jpg'}, {'id': 8, 'file_name': 'c.jpg'}],
        'annotations': [
            {'id': 1, 'image_id': 9, 'caption': 'one'},
            {'id': 2, 'image_id': 7, 'caption': 'two'},
            {'id': 3, 'image_id': 9, 'caption': 'three'},
        ],
    }
    records = read_captions(write('c.json', data), str(images), 'coco_captions')
    assert rows(records) == [('9', ['one', 'three']), ('7', ['two'])]


def test_json_list_takes_one_or_several_captions_and_foreign_prefixes(images, write):
    data = [
        {'image': '/export/a.jpg', 'caption': 'one', 'image_id': 'coco_1'},
        {'image': '/export/b.jpg', 'caption': ['two', 'three']},
        {'image': '/export/a.jpg', 'caption': 'four', 'image_id': 'coco_1'},
    ]
    records = read_captions(write('l.json', data), str(images), 'json_list', strip_prefix='/export/')
    assert rows(records) == [('coco_1', ['one', 'four']), ('b.jpg', ['two', 'three'])]
    assert records[1].img_path == str(images / 'b.jpg')


def test_json_list_fields_may_have_other_names(images, write):
    data = [{'file': 'a.jpg', 'text': 'one', 'key': 5}]
    file = write('l.json', data)
    options = {'image_field': 'file', 'caption_field': 'text', 'id_field': 'key'}
    assert rows(read_captions(file, str(images), 'json_list', **options)) == [('5', ['one'])]


@pytest.mark.parametrize(
    ('name', 'content'),
    [
        (
            't.csv',
            '\ufeffimage,caption,split\na.jpg,"red, and\nround",train\n\nb.jpg,blue,val\na.jpg,"a ""thing""",train\n',
        ),
        ('t.tsv', 'image\tcaption\tsplit\na.jpg\tred, and round\ttrain\nb.jpg\tblue\tval\na.jpg\ta "thing"\ttrain\n'),
        (
            't.jsonl',
            '{"image": "a.jpg", "caption": ["red, and round", "a \\"thing\\""], "split": "train"}\n'
            '{"image": "b.jpg", "caption": "blue", "split": "val"}\n',
        ),
    ],
)
def test_tables(images, write, name, content):
    (record,) = read_captions(write(name, content), str(images), 'table', split='train')
    assert record.image_id == 'a.jpg'
    assert [' '.join(caption.split()) for caption in record.captions] == ['red, and round', 'a "thing"']


def test_the_header_tells_what_separates_columns(images, write):
    expected = [('a.jpg', ['one, two; three'])]
    for content in (
        'image;caption\na.jpg;"one, two; three"\n',
        'image\tcaption\na.jpg\tone, two; three\n',
        'image,caption,seen;judged\na.jpg,"one, two; three",\n',
    ):
        assert rows(read_captions(write('t.csv', content), str(images), 'table')) == expected
    file = write('t.csv', 'image|caption\na.jpg|one, two; three\n')
    assert rows(read_captions(file, str(images), 'table', delimiter='|')) == expected
    with pytest.raises(AnnotationError, match=r"delimiter='\|'"):
        read_captions(file, str(images), 'table')


def test_text_that_is_not_ascii(images, write):
    file = write('l.json', [{'image': 'a.jpg', 'caption': 'ein grüner Hügel'}], ensure_ascii=False)
    assert rows(read_captions(file, str(images), 'json_list')) == [('a.jpg', ['ein grüner Hügel'])]


def listed(*entries):
    return json.dumps(entries, indent=1)


GOOD = {'image': 'a.jpg', 'caption': 'one'}
BAD_FILES = {
    'wrong field': ('json_list', 'x.json', listed(GOOD, {'picture': 'b.jpg', 'caption': 'x'}), 6, 'image'),
    'caption is a number': ('json_list', 'x.json', listed(GOOD, {'image': 'b.jpg', 'caption': 3}), 6, 'str'),
    'empty caption': ('json_list', 'x.json', listed(GOOD, {'image': 'b.jpg', 'caption': ' '}), 6, 'empty'),
    'one of several is empty': (
        'json_list', 'x.json', listed(GOOD, {'image': 'b.jpg', 'caption': ['x', '']}), 6, 'caption 1',
    ),
    'not a list': ('json_list', 'x.json', '{"images": []}', 1, 'list'),
    'broken json': ('json_list', 'x.json', '[\n{"image": "a.jpg"\n', 3, 'not valid JSON'),
    'image id is a list': ('json_list', 'x.json', listed({**GOOD, 'image_id': [1]}), 2, 'image_id'),
    'one id, two images': (
        'json_list', 'x.json', listed({**GOOD, 'image_id': 1}, {'image': 'b.jpg', 'caption': 'x', 'image_id': 1}),
        7, 'two images',
    ),
    'no sentences': (
        'karpathy', 'x.json',
        json.dumps({'dataset': 'x', 'images': [{'filename': 'a.jpg', 'split': 'train'}]}, indent=1), 4, 'sentences',
    ),
    'no raw': (
        'karpathy', 'x.json',
        json.dumps({'images': [{'filename': 'a.jpg', 'split': 't', 'sentences': [{'raw': 'x'}, {'tokens': []}]}]}), 1,
        'sentences\\[1\\]',
    ),
    'coco in karpathy': ('karpathy', 'x.json', '{"images": [{"id": 1, "file_name": "a.jpg"}]}', 1, 'coco_captions'),
    'karpathy in coco': ('coco_captions', 'x.json', '{"images": [{"filename": "a.jpg"}]}', 1, 'karpathy'),
    'caption of no image': (
        'coco_captions', 'x.json',
        json.dumps(
            {'images': [{'id': 1, 'file_name': 'a.jpg'}], 'annotations': [{'image_id': 2, 'caption': 'x'}]}, indent=1
        ), 9, 'not among',
    ),
    'wrong column': ('table', 'x.csv', 'image,text\na.jpg,one\n', 2, 'caption_field'),
    'too many columns': ('table', 'x.csv', 'image,caption\na.jpg,one\nb.jpg,one, two\n', 3, 'double quotes'),
    'empty cell': ('table', 'x.csv', 'image,caption\na.jpg,"one\nmore"\nb.jpg,\n', 4, 'empty'),
    'no image': ('table', 'x.tsv', 'image\tcaption\n\tone\n', 2, 'names no file'),
    'broken line': ('table', 'x.jsonl', '{"image": "a.jpg", "caption": "x"}\n\n{"image"\n', 3, 'not valid JSON'),
    'line is no object': ('table', 'x.jsonl', '["a.jpg"]\n', 1, 'object'),
    'column twice': ('table', 'x.csv', 'image,image\na.jpg,b\n', 1, 'twice'),
}  # fmt: skip


@pytest.mark.parametrize('case', BAD_FILES)
def test_errors_name_file_line_and_remedy(images, write, case):
    format, name, content, line, words = BAD_FILES[case]
    file = write(name, content)
    with pytest.raises(AnnotationError, match=words) as error:
        read_captions(file, str(images), format)
    assert f'{file}, line {line}' in str(error.value)


def test_empty_captions_can_be_dropped(images, write):
    file = write('t.csv', 'image,caption\na.jpg,one\na.jpg,\nb.jpg,\n')
    assert rows(read_captions(file, str(images), 'table', empty_captions='drop')) == [('a.jpg', ['one'])]


def test_missing_folder_file_and_images(images, write, karpathy):
    file = write('k.json', karpathy)
    with pytest.raises(FileNotFoundError, match='nowhere'):
        read_captions(file, str(images / 'nowhere'), 'karpathy')
    with pytest.raises(FileNotFoundError, match='absent.json'):
        read_captions('absent.json', str(images), 'karpathy')
    with pytest.raises(FileNotFoundError, match=r'k.json: none of 4 images looked for exists.*a\.jpg'):
        read_captions(file, str(images.parent), 'karpathy')


def test_a_wrong_split_tells_the_right_ones(images, write, karpathy):
    with pytest.raises(AnnotationError, match=r"test.*'train': 3, 'val': 1"):
        read_captions(write('k.json', karpathy), str(images), 'karpathy', split='test')
    with pytest.raises(AnnotationError, match='has no splits'):
        read_captions(write('l.json', [GOOD]), str(images), 'json_list', split='train')
    with pytest.raises(AnnotationError, match='no captions'):
        read_captions(write('l.json', []), str(images), 'json_list')


def test_other_encodings_are_refused_with_the_line(images, tmp_path):
    file = tmp_path / 't.csv'
    file.write_bytes('image,caption\na.jpg,grün\n'.encode('latin-1'))
    with pytest.raises(AnnotationError, match='line 2: not UTF-8'):
        read_captions(str(file), str(images), 'table')


def test_arguments_are_checked(images, write):
    file = write('l.json', [GOOD])
    with pytest.raises(ValueError, match='format'):
        read_captions(file, str(images), 'coco')
    with pytest.raises(ValueError, match='empty_captions'):
        read_captions(file, str(images), 'json_list', empty_captions='skip')
    with pytest.raises(AnnotationError, match='should end in'):
        read_captions(file, str(images), 'table')


def test_files_without_splits_can_hold_images_out(images, write):
    rows_ = [f'{number // 2}.jpg,caption {number},id{number // 2}' for number in range(400)]
    for number in range(200):
        (images / f'{number}.jpg').touch()
    file = write('t.csv', '\n'.join(['image,caption,image_id', *rows_]))
    train, val = (read_captions(file, str(images), 'table', split=split, holdout=0.2) for split in ('train', 'val'))
    assert {record.image_id for record in train} | {record.image_id for record in val} == {f'id{n}' for n in range(200)}
    assert 20 < len(val) < 60 and len(train) == 200 - len(val)
    assert all(len(record.captions) == 2 for record in val)  # an image is held out with all its captions
    more = read_captions(file, str(images), 'table', split='val', holdout=0.4)
    assert {record.image_id for record in val} < {record.image_id for record in more}
    with pytest.raises(ValueError, match='holdout'):
        read_captions(file, str(images), 'table', holdout=1)


def test_an_image_in_two_splits_is_refused(images, write):
    file = write('t.csv', 'image,caption,split\na.jpg,one,train\nb.jpg,two,val\na.jpg,three,val\n')
    with pytest.raises(AnnotationError, match="line 4: image 'a.jpg' is in split 'train' and in 'val'"):
        read_captions(file, str(images), 'table', split='train')


def numbered(*, quote_at=None, closed_at=None):
    lines = [
        f'{n}.jpg,{chr(34) * (n == quote_at)}caption {n}{chr(34) * (n == closed_at)}{", more" * (n == quote_at)}'
        for n in range(30)
    ]
    return '\n'.join(['image,caption', *lines]) + '\n'


@pytest.mark.parametrize(
    ('name', 'content', 'line', 'words'),
    [
        ('t.csv', numbered(quote_at=10), 12, 'not closed'),
        ('t.csv', 'image,caption\na.jpg,"one\nmore"\nb.jpg,"two\nmore,\nmore', 4, 'not closed'),
        ('t.csv', 'image,caption\na.jpg,one\nb.jpg,"two\nc.jpg,"three\n', 3, 'not closed'),
        ('t.csv', 'image,caption\na.jpg,"he said \\"hi\\""\n', 2, 'not closed'),
        ('t.csv', numbered(quote_at=10, closed_at=20), 12, "takes in a line like a row, '11.jpg,caption 11'"),
        ('t.csv', 'caption,x,image\n"a ""b""\nc",1,a.jpg\n"one,1,b.jpg\ntwo",1,c.jpg\n', 4, 'like a row'),
        ('m.csv', 'key;video_id;sentence\nret0;video1;"one\nret1;video2;two"\n', 2, 'takes in a line like a row'),
        ('m.csv', 'video_id,sentence,split\nc,"a c, c,train\nd,a d, d",train\n', 2, 'takes in a line like a row'),
        ('t.csv', 'image,caption\na.jpg,"' + 'x' * 140000 + '\nb.jpg,two\n', 2, 'not closed'),
    ],
)
def test_a_quote_that_is_not_closed_is_told_by_its_line(images, write, name, content, line, words):
    file = write(name, content)
    with pytest.raises(AnnotationError, match=words) as error:
        read_captions(file, str(images), 'msrvtt' if name == 'm.csv' else 'table')
    assert str(error.value).startswith(f'{file}, line {line}: the quote that opens here')


def test_quoted_captions_may_have_several_lines_quotes_and_commas(images, write):
    caption = 'a "big", red\n3, 4 or 5 pictures, www.a.org\n'
    file = write('t.csv', f'image_id,image,caption\n1,a.jpg,"{caption.replace(chr(34), chr(34) * 2)}"\n')
    assert rows(read_captions(file, str(images), 'table')) == [('1', [caption.strip()])]
    file = write('t.csv', 'image,caption\r\na.jpg,"one\r\n"\r\nb.jpg,two\r\n')
    assert rows(read_captions(file, str(images), 'table')) == [('a.jpg', ['one']), ('b.jpg', ['two'])]


@pytest.mark.parametrize('delimiter', ['', ';;', '"', '\n'])
def test_a_delimiter_is_one_character(images, write, delimiter):
    file = write('t.csv', 'image,caption\na.jpg,one\n')
    if delimiter:
        with pytest.raises(ValueError, match='delimiter must be a single character'):
            read_captions(file, str(images), 'table', delimiter=delimiter)


@pytest.mark.parametrize('other', ['./{}', 'x/../{}', 'x//../{}', 'link/{}', '{root}/{}', 'to-{}'])
def test_one_picture_by_two_paths_is_one(images, write, other):
    (images / 'x').mkdir()
    (images / 'link').symlink_to(images)
    for name in 'abcdef':
        (images / f'to-{name}.jpg').symlink_to(f'{name}.jpg')
    data = [
        {'image': path, 'caption': f'caption {number}', 'image_id': number // 2}
        for number, path in enumerate(
            path for n in 'abcdef' for path in (f'{n}.jpg', other.format(f'{n}.jpg', root=images))
        )
    ]
    by_split = [
        read_captions(write('l.json', data), str(images), 'json_list', split=split, holdout=0.4)
        for split in ('train', 'val')
    ]
    assert [len(record.captions) for records in by_split for record in records] == [2] * 6
    for number, entry in enumerate(data):
        entry['image_id'] = number
    with pytest.raises(AnnotationError, match=r"entry 1: the image '.*' has two ids, '0' and '1'"):
        read_captions(write('l.json', data), str(images), 'json_list')


def test_without_ids_a_path_is_one_however_it_is_written(images, write):
    file = write('t.csv', 'image,caption\na.jpg,one\n./a.jpg,two\nx/../a.jpg , three\n')
    assert rows(read_captions(file, str(images), 'table')) == [('a.jpg', ['one', 'two', 'three'])]
    file = write('t.csv', 'image,caption,split\na.jpg,one,train\n./a.jpg,two,val\n')
    with pytest.raises(AnnotationError, match=r"line 3: image 'a.jpg' is in split 'train' and in 'val'"):
        read_captions(file, str(images), 'table', split='val')


def test_ids_are_compared_over_all_splits_and_captions(images, write):
    file = write('t.csv', 'image,caption,image_id,split\na.jpg,one,1,train\nb.jpg,,1,val\nb.jpg,two,2,val\n')
    with pytest.raises(AnnotationError, match="line 3: image id '1' stands for two images"):
        read_captions(file, str(images), 'table', split='val', empty_captions='drop')


def test_ids_may_be_left_out(images, write):
    data = [{'image': 'a.jpg', 'caption': f'{number}', 'image_id': number} for number in range(3)]
    (record,) = read_captions(write('l.json', data), str(images), 'json_list', id_field='')
    assert (record.image_id, record.captions) == ('a.jpg', ['0', '1', '2'])


@pytest.mark.parametrize('image_id', [True, False, 1.0, [1], {}])
def test_what_is_no_id_is_refused(images, write, image_id):
    file = write('l.json', [{**GOOD, 'image_id': image_id}])
    with pytest.raises(AnnotationError, match="field 'image_id' should be int or str"):
        read_captions(file, str(images), 'json_list')
    data = {'images': [{'id': image_id, 'file_name': 'a.jpg'}], 'annotations': [{'image_id': 1, 'caption': 'x'}]}
    with pytest.raises(AnnotationError, match=r"images\[0\]: field 'id' should be int or str"):
        read_captions(write('c.json', data), str(images), 'coco_captions')


def test_ids_are_texts(images, write):
    data = [{**GOOD, 'image_id': 1}, {**GOOD, 'image_id': '1'}, {**GOOD, 'image_id': ' 1 '}]
    assert rows(read_captions(write('l.json', data), str(images), 'json_list')) == [('1', ['one'] * 3)]
    data = [{**GOOD, 'image_id': 0}, {'image': 'b.c.jpg', 'caption': 'x', 'image_id': None}]
    assert [r.image_id for r in read_captions(write('l.json', data), str(images), 'json_list')] == ['0', 'b.c.jpg']
    coco = {'images': [{'id': 1, 'file_name': 'a.jpg'}], 'annotations': [{'image_id': '1', 'caption': 'x'}]}
    assert rows(read_captions(write('c.json', coco), str(images), 'coco_captions')) == [('1', ['x'])]
    coco['images'].append({'id': '1', 'file_name': 'b.jpg'})
    with pytest.raises(AnnotationError, match=r"images\[1\]: a second image with id '1'"):
        read_captions(write('c.json', coco), str(images), 'coco_captions')


@pytest.mark.parametrize('split', [['train'], {'a': 1}, True, False, 0.5])
def test_what_is_no_split_is_refused(images, write, split):
    file = write('l.json', [GOOD | {'split': 'train'}, {'image': 'b.jpg', 'caption': 'x', 'split': split}])
    with pytest.raises(AnnotationError, match="entry 1: field 'split' should be"):
        read_captions(file, str(images), 'json_list', split='train')


def test_a_split_of_nan_is_refused(images, write):
    file = write('l.json', '[{"image": "a.jpg", "caption": "NaN",\n"split": NaN}]')
    with pytest.raises(AnnotationError, match='line 2: NaN is no value of JSON'):
        read_captions(file, str(images), 'json_list', split='train')


def test_splits_are_read_without_spaces_and_case_is_told(images, write):
    lines = [f'{name}.jpg,x,{"train " if name < "d" else "train"}' for name in 'abcdef']
    file = write('t.csv', '\n'.join(['image,caption,split', *lines]))
    assert len(read_captions(file, str(images), 'table', split='train')) == 6
    file = write('t.csv', '\n'.join(['image,caption,split', *lines]).replace('train ', 'Train'))
    with pytest.raises(AnnotationError, match=r"3 entries are in split 'Train', asked for is \['train'\]"):
        read_captions(file, str(images), 'table', split='train')


CUT = 'so cute \ud83d'


@pytest.mark.parametrize('caption', [CUT, '\u200b\u200d', '\ufeff', '\u2800'])
@pytest.mark.parametrize(
    ('format', 'data'),
    [
        ('json_list', lambda c: [GOOD, {'image': 'b.jpg', 'caption': ['two', c]}]),
        (
            'karpathy',
            lambda c: {
                'images': [
                    {'filename': 'a.jpg', 'split': 'train', 'sentences': [{'raw': 'one'}]},
                    {'filename': 'b.jpg', 'split': 'train', 'sentences': [{'raw': 'two'}, {'raw': c}]},
                ]
            },
        ),
        (
            'coco_captions',
            lambda c: {
                'images': [{'id': 'a', 'file_name': 'a.jpg'}, {'id': 'b', 'file_name': 'b.jpg'}],
                'annotations': [{'image_id': i, 'caption': t} for i, t in (('a', 'one'), ('b', 'two'), ('b', c))],
            },
        ),
    ],
)
def test_captions_that_no_tokenizer_reads(images, write, capsys, format, data, caption):
    file = write('x.json', data(caption))
    with pytest.raises(AnnotationError, match=r"has half of a character \('so cute" if caption == CUT else 'is empty'):
        read_captions(file, str(images), format)
    records = read_captions(file, str(images), format, empty_captions='drop')
    assert [record.captions for record in records] == [['one'], ['two']]


@pytest.mark.parametrize('field', ['image', 'image_id', 'split'])
def test_other_texts_with_half_of_a_character_are_refused(images, write, field):
    file = write('l.json', [{**GOOD, field: 'caf\udce9'}])
    with pytest.raises(AnnotationError, match=f"entry 0: field '{field}' has half of a character"):
        read_captions(file, str(images), 'json_list')


def test_reader_options_are_checked(images, write):
    with pytest.raises(ValueError, match=r"reader has no \['picture_field'\] for format='json_list'.*'image_field'"):
        read_captions(write('l.json', [GOOD]), str(images), 'json_list', picture_field='x')


@pytest.mark.parametrize(
    ('name', 'value'),
    [
        ('format', ['table']), ('format', None), ('split', 1), ('split', ['train', None]), ('split', []), ('split', {}),
        ('holdout', '0.1'), ('holdout', float('nan')), ('holdout', True), ('strip_prefix', None), ('delimiter', 3),
        ('image_field', 0), ('empty_captions', None),
    ],
)  # fmt: skip
def test_arguments_of_the_wrong_kind_are_named(images, write, name, value):
    options = {'format': 'table', name: value}
    with pytest.raises(ValueError, match=f'^{name}'):
        read_captions(write('t.csv', 'image,caption\na.jpg,one\n'), str(images), **options)
