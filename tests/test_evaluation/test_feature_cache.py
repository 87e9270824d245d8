import pytest
import torch
from support.retrieval_fakes import FakeImages, FakeTexts

from slan_mm.evaluation.feature_cache import FeatureCache

CPU = torch.device('cpu')


def images(start, count):
    number = torch.arange(start, start + count)
    return FakeImages(number[:, None].float().expand(count, 3) + 0.25, number)


@pytest.fixture
def store():
    result = FeatureCache()
    for start, count in ((0, 4), (4, 0), (4, 1), (5, 3)):
        result.append(images(start, count))
    return result


@pytest.mark.parametrize('index', [[0], [3, 4, 5], [7, 0, 4, 0, 7], [2, 2, 6], list(range(8))])
def test_take_gives_the_asked_order_across_batches(store, index):
    taken = store.take(torch.tensor(index), CPU, torch.float32)
    assert taken.number.tolist() == index
    assert taken.vector[:, 0].tolist() == [value + 0.25 for value in index]


def test_types_are_kept_and_restored():
    store = FeatureCache(torch.float16)
    store.append(images(0, 4))
    assert store.batches[0].vector.dtype == torch.float16 and store.batches[0].number.dtype == torch.int64
    assert store.take(torch.tensor([1]), CPU, torch.float32).vector.dtype == torch.float32


def test_texts_of_different_length_are_padded_with_false():
    store = FeatureCache()
    store.append(FakeTexts(torch.ones(1, 2, 3), torch.ones(1, 2, dtype=torch.bool)))
    store.append(FakeTexts(torch.ones(1, 4, 3), torch.ones(1, 4, dtype=torch.bool)))
    taken = store.take(torch.tensor([1, 0]), CPU, torch.float32)
    assert taken.mask.tolist() == [[True] * 4, [True, True, False, False]]
    assert taken.words[1].sum() == 6


def test_extend_joins_stores(store):
    other = FeatureCache()
    other.append(images(8, 2))
    store.extend(other)
    assert len(store) == 10 and store.take(torch.tensor([9, 1]), CPU, torch.float32).number.tolist() == [9, 1]


def test_taking_nothing_is_an_error(store):
    with pytest.raises(IndexError, match='empty'):
        store.take(torch.tensor([], dtype=torch.long), CPU, torch.float32)
