import numpy as np
import pytest
import torch
from PIL import Image

from slan_mm.apis import Processor
from slan_mm.datasets.unreadable import UnreadableImageError


@pytest.fixture
def folder(tmp_path):
    for number, size in enumerate([(20, 10), (8, 8), (30, 40)]):
        Image.fromarray(np.full((*size, 3), 40 * number, np.uint8)).save(tmp_path / f'{number}.png')
    return tmp_path


def test_batches_are_of_one_size_and_keep_the_order(folder):
    batches = list(Processor((12, 16)).batches(folder, 2))
    assert [len(batch['inputs']) for batch in batches] == [2, 1]
    pictures = [picture for batch in batches for picture in batch['inputs']]
    assert all(picture.shape == (3, 12, 16) and picture.dtype == torch.uint8 for picture in pictures)
    assert [int(picture.max()) for picture in pictures] == [0, 40, 80]
    samples = [sample for batch in batches for sample in batch['data_samples']]
    assert [tuple(sample.ori_shape) for sample in samples] == [(20, 10), (8, 8), (30, 40)]
    assert samples[2].img_path == str(folder / '2.png')


def test_a_text_comes_with_its_phrases(folder):
    batch = Processor((12, 16)).phrases(folder / '1.png', 'a [dog] on [wet grass]')
    (sample,) = batch['data_samples']
    assert sample.text == 'a dog on wet grass'
    assert [phrase['spans'] for phrase in sample.phrases] == [[[2, 5]], [[9, 18]]]


def test_mistakes_are_named(folder):
    processor = Processor((12, 16))
    with pytest.raises(UnreadableImageError, match=r'none\.png'):
        next(processor.batches([folder / 'none.png'], 2))
    with pytest.raises(ValueError, match='no picture was given'):
        next(processor.batches([], 2))
    with pytest.raises(ValueError, match="without '\\]'"):
        processor.phrases(folder / '1.png', 'a [dog')
