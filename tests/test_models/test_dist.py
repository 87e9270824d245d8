"""One rank alone; two are in test_objectives/test_objective_ranks.py."""

import torch
from support.toy import build_toy_slan

from slan_mm.models.dist import gather, gather_padded, global_mean, local_rows, seeded_uniform


def test_one_rank_gathers_nothing():
    values = torch.randn(2, 3)
    assert gather(values) is values and gather_padded(values) is values and local_rows(3) == slice(0, 3)
    assert (
        global_mean(torch.tensor(6.0), torch.tensor(4)) == 1.5 and global_mean(torch.tensor(0.0), torch.tensor(0)) == 0
    )


def test_random_numbers_are_decided_by_seed_iteration_and_kind():
    def draw(seed: int, iteration: int, kind: int) -> torch.Tensor:
        return seeded_uniform(seed, iteration, kind, (50,), torch.device('cpu'))

    numbers = draw(0, 0, 0)
    assert torch.equal(numbers, draw(0, 0, 0)) and numbers.min() >= 0 and numbers.max() < 1
    for other in (draw(0, 0, 1), draw(0, 1, 0), draw(1, 0, 0)):
        assert not torch.equal(numbers, other)
    first, second = (build_toy_slan(objective__seed=seed).objective for seed in (0, 1))
    assert first.sampler.seed == first.masking.seed == 0 and second.sampler.seed == second.masking.seed == 1
