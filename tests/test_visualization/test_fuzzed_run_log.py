"""Logs of runs: changed files are read rightly, or refused in a line with their name."""

import json
import math

import pytest
from support.fuzzing import fuzz

from slan_mm.visualization.run_log import read_run

LINES = [
    {'iter': 10, 'loss': 1.5, 'lr': 0.1},
    {'iter': 20, 'loss': 1.25, 'lr': 0.1},
    {'step': 20, 'retrieval/r1': 50.0},
    {'iter': 30, 'loss': float('nan'), 'lr': 0.05},
]


@pytest.fixture
def place(tmp_path):
    log = tmp_path / '2026' / 'vis_data' / 'scalars.json'
    log.parent.mkdir(parents=True)
    log.write_text('\n'.join(map(json.dumps, LINES)) + '\n')
    (tmp_path / 'run.json').write_text(json.dumps(dict(config='c.py', test={'r1': 1.5}, seed=3)))
    return tmp_path


def test_fuzzed_logs(place):
    log = place / '2026' / 'vis_data' / 'scalars.jsonl'
    (log.with_suffix('.json')).rename(log)

    def check(run):
        told = []
        for line in log.read_bytes().decode('utf-8-sig').split('\n'):
            try:
                told.append(json.loads(line))
            except (ValueError, RecursionError):  # the last one, which is being written
                break
        for kind, key in ((run.train, 'iter'), (run.val, 'step')):
            for name, values in kind.items():
                for step, value in values.items():
                    found = [line[name] for line in told if line.get(key) == step and name in line]
                    assert value in found or (math.isnan(value) and any(x != x or abs(x) > 1e308 for x in found))

    counts = fuzz(lambda: read_run(log), log, check)
    assert min(counts.values()) > 0


def test_fuzzed_record(place):
    file = place / 'run.json'

    def check(run):
        assert run.record == json.loads(file.read_bytes())

    counts = fuzz(lambda: read_run(place), file, check)
    assert min(counts.values()) > 0
