import json
from pathlib import Path

import pytest

from slan_mm.datasets.readers import AnnotationError
from slan_mm.datasets.readers.nlvr2 import read_nlvr2


def example(identifier='dev-850-0-0', **fields):
    return {'identifier': identifier, 'sentence': 'Two dogs are asleep.', 'label': 'True', **fields}


def lines(*examples):
    return '\n'.join(map(json.dumps, examples)) + '\n'


def test_official_names_and_folders(write):
    file = write(
        'mixed.json',
        lines(
            example(label='False', left_url='http://somewhere', synset='dog'),
            example('train-10171-3-1', directory=49),
            example('test1-0-1-0', label='true'),
        ),
    )
    dev, train, test = read_nlvr2(Path(file), 'root')
    assert (dev.left, dev.right) == ('root/dev/dev-850-0-img0.png', 'root/dev/dev-850-0-img1.png')
    assert (dev.identifier, dev.pair, dev.label, dev.sentence) == (
        'dev-850-0-0',
        'dev-850-0',
        0,
        'Two dogs are asleep.',
    )
    assert train.left == 'root/images/train/49/train-10171-3-img0.png' and train.label == 1
    assert test.right == 'root/test1/test1-0-1-img1.png' and test.label == 1


@pytest.mark.parametrize(
    ('wrong', 'message'),
    [
        ({'identifier': 'dev-850-0'}, "line 2: identifier 'dev-850-0' is not"),
        ({'sentence': ' '}, 'line 2: the sentence is empty'),
        ({'label': 'maybe'}, "line 2: label 'maybe'"),
        ({'label': 1}, "line 2: field 'label' should be str or bool"),
        ({'identifier': 'dev-1-0-0'}, 'line 2: identifier .* comes twice'),
        ({'identifier': 'train-1-0-0'}, "line 2: no field 'directory'"),
        ({'identifier': 'train-1-0-0', 'directory': 100}, 'line 2: directory 100 is no number from 0 to 99'),
        ({'identifier': 'train-1-0-0', 'directory': '../x'}, 'line 2: directory'),
    ],
)
def test_bad_lines_are_named(write, wrong, message):
    file = write('nlvr2.json', lines(example('dev-1-0-0'), {**example('dev-2-0-0'), **wrong}))
    with pytest.raises(AnnotationError, match=message):
        list(read_nlvr2(Path(file), ''))


def test_a_broken_line_and_a_missing_file(write):
    with pytest.raises(AnnotationError, match='line 2: not valid JSON'):
        list(read_nlvr2(Path(write('nlvr2.json', lines(example()) + '{"identifier": ')), ''))
    with pytest.raises(FileNotFoundError, match='absent.json'):
        list(read_nlvr2(Path('absent.json'), ''))
