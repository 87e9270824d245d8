"""The global order of samples, and each rank's share of it."""

import multiprocessing

import pytest
from support.engine import ToyPairs
from torch import distributed as dist

from slan_mm.datasets.seeding import split_index
from slan_mm.engine import ResumableSampler


def take(sampler, count):
    return [index for index, _ in zip(sampler, range(count), strict=False)]


def as_rank(rank, world_size, **options):
    sampler = ResumableSampler(ToyPairs(10), seed=5, **options)
    sampler.rank, sampler.world_size = rank, world_size
    return sampler


def test_each_epoch_is_a_permutation_and_no_two_are_alike():
    items = [split_index(index, 10) for index in take(as_rank(0, 1), 30)]
    epochs = [[index for epoch, index in items if epoch == number] for number in range(3)]
    assert all(sorted(epoch) == list(range(10)) for epoch in epochs)
    assert epochs[0] != epochs[1] != epochs[2]
    assert [epoch for epoch, _ in items] == [0] * 10 + [1] * 10 + [2] * 10


def test_the_order_depends_on_the_seed_alone():
    assert take(as_rank(0, 1), 20) == take(as_rank(0, 1), 20)
    assert take(ResumableSampler(ToyPairs(10), seed=6), 20) != take(as_rank(0, 1), 20)


def test_without_shuffling_the_order_is_the_data_sets():
    assert take(as_rank(0, 1, shuffle=False), 12) == list(range(12))


@pytest.mark.parametrize(('ranks', 'batch_size'), [(2, 2), (4, 1), (2, 3)])
def test_the_ranks_batches_joined_are_the_batch_of_one_rank(ranks, batch_size):
    whole = take(as_rank(0, 1, batch_size=ranks * batch_size), 24)
    shares = [take(as_rank(rank, ranks, batch_size=batch_size), 24 // ranks) for rank in range(ranks)]
    joined = []
    for begin in range(0, 24 // ranks, batch_size):
        for share in shares:
            joined += share[begin : begin + batch_size]
    assert joined == whole


def test_seeking_continues_where_the_uninterrupted_order_was():
    whole = take(as_rank(0, 1), 40)
    sampler = as_rank(0, 1)
    sampler.seek(27)
    assert take(sampler, 13) == whole[27:]


def test_seeking_on_two_ranks_counts_the_samples_of_both():
    for rank in range(2):
        whole = take(as_rank(rank, 2, batch_size=3), 30)
        sampler = as_rank(rank, 2, batch_size=3)
        sampler.seek(24)
        assert take(sampler, 18) == whole[12:]


def test_skip_counts_the_samples_of_this_rank():
    sampler = as_rank(1, 2, batch_size=2)
    whole = take(sampler, 12)
    sampler.skip(4)
    assert take(sampler, 8) == whole[4:]


def test_its_length_is_one_ranks_share_of_an_epoch():
    assert [len(as_rank(0, ranks)) for ranks in (1, 2, 4)] == [10, 5, 3]


def test_a_data_set_that_knows_no_epochs_gets_plain_indices():
    class Plain(ToyPairs):
        takes_epoch = False

    assert sorted(take(ResumableSampler(Plain(10), seed=0), 20)) == sorted([*range(10)] * 2)


def test_an_empty_data_set_and_a_bad_batch_size_are_errors():
    with pytest.raises(ValueError, match='ToyPairs is empty'):
        ResumableSampler(ToyPairs(0), seed=0)
    with pytest.raises(ValueError, match='batch_size must be at least 1, got 0'):
        ResumableSampler(ToyPairs(3), seed=0, batch_size=0)


def sample_as_rank(rank, file, queue):
    dist.init_process_group('gloo', init_method=f'file://{file}', rank=rank, world_size=2)
    sampler = ResumableSampler(ToyPairs(10), batch_size=3)  # no seed: both ranks must draw the same
    queue.put((rank, sampler.seed, take(sampler, 15)))
    dist.barrier()
    dist.destroy_process_group()


def test_two_processes_share_one_seed_and_one_order(tmp_path):
    context = multiprocessing.get_context('fork')
    queue = context.Queue()
    processes = [context.Process(target=sample_as_rank, args=(rank, tmp_path / 'ranks', queue)) for rank in range(2)]
    for process in processes:
        process.start()
    (_, seed, first), (_, other_seed, second) = sorted(queue.get(timeout=300) for _ in processes)
    for process in processes:
        process.join(timeout=300)
        assert process.exitcode == 0
    assert seed == other_seed
    whole = take(ResumableSampler(ToyPairs(10), seed=seed, batch_size=6), 30)
    assert [index for k in range(0, 15, 3) for index in first[k : k + 3] + second[k : k + 3]] == whole
