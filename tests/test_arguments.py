"""What public functions refuse: every argument that is described, at every function that takes it."""

import json
from fractions import Fraction
from inspect import signature
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config

from slan_mm.apis import (
    INFERENCERS,
    PictureSearch,
    Processor,
    SLANInferencer,
    TaskInferencer,
    find_noun_phrases,
    init_model,
    mark_phrases,
    mark_spans,
    read_marked_text,
)
from slan_mm.arguments import ARGUMENTS, check_argument, image_size, out_file, out_folder, usable_device
from slan_mm.models.inference import GroundingInference, RetrievalInference
from slan_mm.structures import MarkedText

#: Beyond float, and beyond what Python writes.
HUGE = [10**400, -(10**5000)]
COUNTS = [0, -1, 1.5, '2', True, None, float('nan'), [1], np.float32(2), *HUGE]
NUMBERS = ['1', float('nan'), float('inf'), True, [0.5], 1j, *HUGE, Fraction(10**400)]
FLAGS = [1, 'yes', None]
PATHS = ['', ' ', 3, 'a\0b', b'x', ['a']]
FOLDERS = [3, b'x', ['a'], 'a\0b', __file__, f'{__file__}/below/it']
TEXTS = [3, b'a', '', ' \n', '\u200b', {'a': 1}, 'cut \ud83d', np.array(['a'])]
#: Of each argument what it must not be.
BAD = dict(
    batch_size=COUNTS,
    cache_gb=[-1, None, *NUMBERS],
    cfg_options=['a=1', [1], {1: 2}],
    checkpoint=PATHS,
    config=[None, *PATHS],
    device=['gpu', 'cuda:99', 'cpu:x', '', 1.5, 'meta', ['cpu'], *HUGE],
    direction=['i2i', None, 1, ['t2i']],
    engine=['sqlite', 1, []],
    find=['verbs', None, []],
    folder=[None, *PATHS],
    full_k=[count for count in COUNTS if count is not None],
    img_out_dir=FOLDERS,
    itm_weight=NUMBERS,
    k=COUNTS,
    m=COUNTS,
    model=[None, *PATHS],
    phrases=['dog', 3, 1.5, [[0, 1.5]], [['a', 'b']], [[True, 2]], {0: 1}],
    pred_out_dir=FOLDERS,
    return_datasamples=FLAGS,
    score_thr=NUMBERS,
    show=FLAGS,
    show_progress=FLAGS,
    store_features=FLAGS,
    text=[None, ['a'], *TEXTS],
    texts=[None, [], ['a', None], ['a', ''], [['a']], (text for text in 'ab'), *TEXTS],
    top=COUNTS,
    weights=PATHS,
)
#: What the other arguments of a call are.
GOOD = dict(
    config='c.py', folder='index', inputs='p.png', model='c.py', phrases=[[0, 1]], picture='p.png', pictures='p.png',
    task='grounding', text='a dog', texts='a dog', weights='w.pth',
)  # fmt: skip
OPTIONS = ('img_out_dir', 'pred_out_dir', 'show')
#: Of tasks that thin their answers.
CHOICE = (*OPTIONS, 'top', 'score_thr')
#: Every public function that takes any of these, and what it takes beside the arguments in its signature.
PUBLIC = [
    (TaskInferencer.__init__, ()),
    (init_model, ()),
    (PictureSearch.__call__, OPTIONS),
    (PictureSearch.prepare, ()),
    (PictureSearch.index, ()),
    (Processor.batches, ()),
    (Processor.phrases, ()),
    (GroundingInference.ground, ()),
    *((getattr(RetrievalInference, name), ()) for name in ('embed_images', 'embed_texts', 'similarity')),
    *((kind.__call__, CHOICE if 'top' in kind.postprocess_kwargs else OPTIONS) for kind in INFERENCERS.values()),
    *((kind.prepare, ()) for kind in INFERENCERS.values()),
    (find_noun_phrases, ()),
    (mark_phrases, ()),
    (mark_spans, ()),
]
CASES = [
    pytest.param(function, name, id=f'{function.__qualname__}-{name}')
    for function, options in PUBLIC
    for name in [*signature(function).parameters, *options]
    if name in BAD
]


def test_every_argument_that_is_checked_is_tried():
    assert ARGUMENTS.keys() == BAD.keys() == {case.values[1] for case in CASES}


@pytest.mark.parametrize(('function', 'name'), CASES)
def test_a_bad_argument_is_named_in_a_line(function, name, monkeypatch):
    bound = hasattr(function, '__self__')  # a class method
    required = [one.name for one in signature(function).parameters.values() if one.default is one.empty]
    defaults = {one.name: one.default for one in signature(function).parameters.values()}
    for value in BAD[name]:
        if name == 'texts' and value == [['a']] and function.__qualname__.startswith('Detection'):
            continue  # a class list for each picture
        if name in defaults and value is defaults[name]:
            continue  # None, where it leaves the choice to the model
        given = {one: GOOD[one] for one in required if one in GOOD} | {name: value}
        if name == 'phrases':
            given.pop('texts', None) or given.pop('text', None)
            given['texts' if 'texts' in signature(function).parameters else 'text'] = 'a dog'
        with pytest.raises(ValueError, match=rf'^{name}(\[\d+\])? (must|holds)') as told:
            function(**given) if bound or 'self' not in required else function(object(), **given)
        assert '\n' not in str(told.value) and len(str(told.value)) < 300, value


@pytest.mark.parametrize('kind', INFERENCERS.values(), ids=list(INFERENCERS))
def test_a_call_is_checked_without_a_model(kind):
    texts = ['a dog'] if kind.takes_text else []
    for name in ('batch_size', *OPTIONS):
        with pytest.raises(ValueError, match=f'^{name} must'):
            kind.check_call('p.png', *texts, **{name: BAD[name][0]})


OTHERS = [None, 3, b'x', {}, (name for name in 'a'), torch.zeros(4, 4, 3), [['a.png']]]
NO_FILES = ['', ' ', 'a\0b', 'x' * 5000, 'https://a.org/b.jpg']
NO_RGB = [np.zeros((4, 4)), np.zeros((4, 4, 3))] + [np.zeros(size, np.uint8) for size in ((0, 4, 3), (2, 4, 4, 3))]


@pytest.mark.parametrize('picture', OTHERS + NO_FILES + NO_RGB, ids=lambda value: type(value).__name__)
@pytest.mark.parametrize('task', ['grounding', 'retrieval', 'captioning', 'video_retrieval', 'nlvr2'])
def test_what_is_no_picture_is_told_before_a_model_is_asked(task, picture):
    kind = INFERENCERS[task]
    with pytest.raises((ValueError, TypeError, RuntimeError)) as told:
        kind.prepare([picture, picture] if task == 'nlvr2' else picture, *(['a dog'] if kind.takes_text else []))
    assert any(word in str(told.value) for word in ('picture', 'array must be', 'web address'))


@pytest.mark.parametrize('task', [None, 3, ['grounding'], 'cooking', {}])
def test_a_task_is_one_of_those_there_are(task):
    with pytest.raises(ValueError, match='^task must be one of'):
        SLANInferencer(task, 'c.py', 'w.pth')


@pytest.mark.parametrize('value', [None, 3, '', '\ud83d'])
def test_a_marked_text_is_a_text(value):
    with pytest.raises(ValueError, match='^text '):
        read_marked_text(value)


def test_what_is_given_by_numpy_is_taken():
    assert check_argument('top', np.int64(3)) == 3 and type(check_argument('top', np.int64(3))) is int
    assert type(check_argument('score_thr', np.float32(0.5))) is float
    spans = check_argument('phrases', np.array([[2, 5], [9, 14]]))
    json.dumps(spans)
    assert mark_spans('a dog on grass', np.array([[2, 5], [9, 14]])) == mark_spans('a dog on grass', spans)
    assert mark_spans('a dog on grass', [np.array([2, 5])]).spans == [[[2, 5]]]
    assert check_argument('texts', np.array(['a dog'])[0]) == 'a dog'


def test_spans_made_by_hand_are_checked_too():
    prepare = INFERENCERS['grounding'].prepare
    with pytest.raises(ValueError, match='not inside the text of 5 characters'):
        prepare('p.png', MarkedText('a dog', [[[2, 50]]]))


def test_a_folder_that_is_new_or_none_is_taken(tmp_path):
    assert check_argument('img_out_dir', tmp_path / 'new' / 'one') == tmp_path / 'new' / 'one'
    assert check_argument('img_out_dir', None) == check_argument('img_out_dir', '') == ''
    (tmp_path / 'link').symlink_to(tmp_path / 'gone')
    with pytest.raises(ValueError, match='is a file'):
        check_argument('img_out_dir', tmp_path / 'link')


def test_a_folder_of_a_user_who_is_not_there_is_none(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for check in (out_folder, out_file):
        with pytest.raises(ValueError, match="there is no user 'nobody-has-this-name'"):
            check('~nobody-has-this-name/x')
    (tmp_path / '~folder').mkdir()
    assert out_folder('~folder/x') == Path('~folder/x')


def test_configs_and_devices_that_are_there_are_taken():
    config = Config(dict(a=1))
    assert check_argument('model', config) is config
    assert usable_device('cpu') == 'cpu' and usable_device(None) in ('cpu', 'cuda')
    with pytest.raises(ValueError, match=r"^device must be a device of this machine \('cpu'.*\), got 'cuda:99'$"):
        usable_device('cuda:99')


@pytest.mark.parametrize(
    'value', [0, -1, True, 1.5, float('nan'), '64', 'ab', None, [], [64], [64, 0], [64, 1e9], (1, 2, 3), 10**9, {}]
)
def test_what_is_no_size_of_images(value):
    with pytest.raises(ValueError, match='size must be a side in pixels, from 1 to 16384, or .height, width., got'):
        check_argument('size', value, image_size)


def test_sizes_of_images_and_numbers_beyond_a_machines():
    assert image_size(64) == image_size([64, 64]) == image_size((np.int64(64), 64)) == (64, 64)
    with pytest.raises(ValueError, match='batch_size must be a whole number of at most'):
        check_argument('batch_size', 2**70)
