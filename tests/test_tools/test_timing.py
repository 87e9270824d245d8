"""Order and sums of alternating runs; no time is tested."""

import pytest
import torch
from measuring import Alternation, alternate, matmul_peak, peak


def test_every_round_starts_with_another_rival():
    calls = []
    result = alternate({name: lambda name=name: calls.append(name) for name in 'abc'}, rounds=3, warm_up=1)
    assert ''.join(calls) == 'cab' + 'abc' + 'bca' + 'cab'
    assert {name: len(values) for name, values in result.seconds.items()} == dict(a=3, b=3, c=3)
    with pytest.raises(ValueError, match='0 rivals'):
        alternate({})


def test_ratio_is_taken_round_by_round():
    result = Alternation(dict(slow=[2.0, 40.0, 9.0], fast=[1.0, 10.0, 3.0]))
    assert result.median('slow') == 9.0 and result.median('fast') == 3.0
    assert result.ratio('slow', 'fast') == 3.0


def test_peak_counts_two_operations_a_multiply_add(monkeypatch):
    from torch.utils.benchmark import Measurement, TaskSpec, Timer

    class HalfASecond(Timer):
        def __init__(self, *arguments, num_threads, **options):
            assert num_threads == torch.get_num_threads()
            super().__init__(*arguments, num_threads=num_threads, **options)

        def timeit(self, number=1):
            assert number == 1
            return Measurement(number_per_run=1, raw_times=[0.5], task_spec=TaskSpec(stmt='', setup=''))

    monkeypatch.setattr(peak, 'Timer', HalfASecond)
    assert matmul_peak(sizes=(10, 20), repeats=2) == 2 * 20**3 / 0.5
