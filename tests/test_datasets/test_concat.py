from collections import Counter

import pytest
from torch.utils.data import Dataset

from slan_mm.datasets import WeightedConcatDataset
from slan_mm.datasets.permutation import permuted


class Numbers(Dataset):
    """Items (name, epoch, index)."""

    takes_epoch = True
    metainfo = {}

    def __init__(self, name, size):
        self.name, self.size = name, size

    def __len__(self):
        return self.size

    def get_data_info(self, index):
        return {'name': self.name, 'index': index}

    def __getitem__(self, index):
        return (self.name, *divmod(index, self.size))


class Plain(Numbers):
    """Knows no epochs."""

    takes_epoch = False

    def __getitem__(self, index):
        assert 0 <= index < self.size
        return self.name, None, index


@pytest.mark.parametrize('size', [1, 2, 3, 16, 17, 1000])
def test_permuted_is_a_bijection(size):
    orders = {tuple(permuted(place, size, seed, 1) for place in range(size)) for seed in range(8)}
    assert all(sorted(order) == list(range(size)) for order in orders)
    assert len(orders) == 8 or size < 4


def test_permuted_refuses_other_positions():
    with pytest.raises(IndexError):
        permuted(3, 3, 0)


def test_without_weights_an_epoch_is_every_item_once():
    dataset = WeightedConcatDataset([Numbers('a', 3), Numbers('b', 2)])
    assert list(dataset) == [('a', 0, 0), ('a', 0, 1), ('a', 0, 2), ('b', 0, 0), ('b', 0, 1)]
    assert dataset[5 * 4 + 3] == ('b', 4, 0)
    dataset.set_epoch(2)
    assert dataset[5 * 4 + 3] == ('b', 6, 0)
    assert dataset.get_data_info(4) == {'name': 'b', 'index': 1}


def test_weights_are_shares_of_an_epoch():
    dataset = WeightedConcatDataset([Numbers('a', 1000), Numbers('b', 10)], weights=[1, 3], length=200)
    assert len(dataset) == 200
    assert Counter(name for name, _, _ in dataset) == {'a': 50, 'b': 150}
    assert len(WeightedConcatDataset([Numbers('a', 4), Numbers('b', 3)], weights=[1, 1])) == 7


def test_each_part_gives_all_its_items_before_any_again():
    dataset = WeightedConcatDataset([Numbers('a', 7), Numbers('b', 50)], weights=[1, 1], length=20)
    drawn = [dataset[index + 20 * epoch] for epoch in range(7) for index in range(20)]
    a = [item for item in drawn if item[0] == 'a']
    assert len(a) == 70
    for turn in range(10):  # seven items a pass, ten in each epoch
        assert sorted(a[7 * turn : 7 * turn + 7]) == [('a', turn, index) for index in range(7)]
    assert a[:7] != sorted(a[:7]) or a[7:14] != sorted(a[7:14])
    b = [item for item in drawn if item[0] == 'b']
    assert sorted(b[:50]) == [('b', 0, index) for index in range(50)]


def test_the_order_depends_on_the_seed_alone():
    def order(seed):
        return list(WeightedConcatDataset([Numbers('a', 30), Numbers('b', 3)], weights=[2, 1], seed=seed))

    assert order(0) == order(0)
    assert order(0) != order(1)


def test_parts_that_know_no_epoch_get_plain_indices():
    dataset = WeightedConcatDataset([Plain('a', 3)], weights=[1], length=9)
    assert Counter(dataset) == {('a', None, index): 3 for index in range(3)}
    assert dataset[9 * 5][1] is None


def test_a_weight_of_zero_leaves_a_part_out():
    dataset = WeightedConcatDataset([Numbers('a', 3), Numbers('b', 3), Numbers('c', 3)], weights=[1, 0, 1])
    assert Counter(name for name, _, _ in dataset) in ({'a': 5, 'c': 4}, {'a': 4, 'c': 5})


@pytest.mark.parametrize(
    ('parts', 'options', 'words'),
    [
        ([], {}, 'parts with items'),
        ([Numbers('a', 0)], {}, 'parts with items'),
        ([Numbers('a', 2)], {'weights': [1, 2]}, 'as many weights'),
        ([Numbers('a', 2)], {'weights': [-1]}, 'as many weights'),
        ([Numbers('a', 2)], {'weights': [0]}, 'not all 0'),
        ([Numbers('a', 2)], {'length': 5}, 'needs weights'),
    ],
)
def test_arguments_are_checked(parts, options, words):
    with pytest.raises(ValueError, match=words):
        WeightedConcatDataset(parts, **options)


def test_parts_of_different_formats(images, write, karpathy):
    common = {'type': 'PairDataset', 'data_prefix': {'img': str(images)}}
    common['pipeline'] = [{'type': 'LoadImage'}, {'type': 'PackPairs'}]
    parts = [
        {**common, 'ann_file': write('k.json', karpathy), 'format': 'karpathy', 'split': 'val', 'id_prefix': 'k/'},
        {**common, 'ann_file': write('t.csv', 'image,caption\nd.jpg,one\n'), 'format': 'table', 'id_prefix': 't/'},
    ]
    dataset = WeightedConcatDataset(parts, weights=[1, 1], length=4)
    ids = Counter(item['data_samples'].sample_id for item in dataset)
    assert ids == {'k/d#0': 1, 'k/d#1': 1, 't/d.jpg#0': 2}
