import os
from pathlib import Path

import pytest

from slan_mm.datasets.readers import AnnotationError, read_captions
from slan_mm.datasets.readers.msrvtt import read_msrvtt

REAL = Path(os.environ.get('SLAN_DATA', Path(__file__).parents[3] / 'data')) / 'msrvtt/MSRVTT_JSFUSION_test.csv'
HEADER = ('key', 'vid_key', 'video_id', 'sentence')


def table(delimiter, *rows, header=HEADER):
    return '\n'.join(delimiter.join(row) for row in (header, *rows)) + '\n'


@pytest.mark.parametrize('delimiter', [',', ';'])
def test_both_delimiters(write, delimiter):
    rows = [('ret0', 'msr9770', 'video9770', 'a person is talking'), ('ret1', 'msr9771', 'video9771', 'a dog')]
    records = list(read_msrvtt(Path(write('list.csv', table(delimiter, *rows))), 'root'))
    assert [record.img_path for record in records] == ['root/video9770.mp4', 'root/video9771.mp4']
    assert [record.captions for record in records] == [['a person is talking'], ['a dog']]
    assert records[1].image_id == 'video9771' and records[1].split is None


def test_sentences_of_one_video_are_joined_and_splits_obeyed(write, tmp_path):
    for name in 'ab':
        (tmp_path / f'{name}.webm').write_bytes(b'')
    rows = [('a', 'one', 'test'), ('b', 'two', 'train'), ('a', '"three, or four"', 'test')]
    file = write('list.csv', table(',', *rows, header=('video_id', 'sentence', 'split')))
    (record,) = read_captions(file, str(tmp_path), 'msrvtt', split='test', ending='.webm')
    assert record.captions == ['one', 'three, or four']


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        ('video_id\nvideo1\n', 'line 1: the header .* single column'),
        ('video,sentence\nvideo1,a dog\n', "line 2: no field 'video_id'"),
        ('video_id,sentence\n ,a dog\n', "line 2: field 'video_id' is empty"),
        ('video_id,sentence\nvideo1,a dog, a cat\n', 'line 2: 3 columns where the header has 2'),
        ('video_id,sentence\nvideo1, \n', 'line 2: the caption is empty'),
    ],
)
def test_bad_tables(write, tmp_path, content, message):
    with pytest.raises(AnnotationError, match=message):
        read_captions(write('list.csv', content), str(tmp_path), 'msrvtt')


@pytest.mark.skipif(
    not REAL.is_file(), reason='no MSR-VTT: put its 1k-A list into data/msrvtt (docs/tasks/video_retrieval.md)'
)
def test_the_1k_a_list():
    records = list(read_msrvtt(REAL, 'videos'))
    assert len(records) == len({record.image_id for record in records}) == 1000
    assert records[0].img_path == 'videos/video9770.mp4'
    assert records[0].captions == ['a person is connecting something to system']
