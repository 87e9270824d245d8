"""Two processes on a CPU train as one with their batches joined."""

import os
import subprocess
import sys

import pytest
from support.engine import ROOT, histories, toy_config
from support.processes import free_port, run_tool_on_ranks

from slan_mm.engine import load_from_file
from slan_mm.engine.launch import build_runner


@pytest.fixture(scope='module')
def two_ranks(tmp_path_factory):
    folder = tmp_path_factory.mktemp('ranks')
    toy_config(folder / 'work', 6, batch_size=2, model__noise=False).dump(folder / 'toy.py')
    run_tool_on_ranks('train.py', 2, str(folder / 'toy.py'), '--launcher', 'pytorch')
    return folder / 'work'


def test_dist_train_starts_the_tool_on_each_rank(tmp_path):
    """What the tool does there, see below: here torchrun starts a program that writes what it is given."""
    program = tmp_path / 'program'
    program.write_text(f'#!/bin/sh\necho "$RANK of $WORLD_SIZE, $MASTER_PORT, $@" > {tmp_path}/$LOCAL_RANK\n')
    program.chmod(0o755)
    port = str(free_port())
    environment = os.environ | {'PORT': port, 'PYTHON': sys.executable, 'PYTHON_EXEC': str(program)}
    command = ['bash', str(ROOT / 'tools/dist_train.sh'), 'toy.py', '2', '--amp']
    subprocess.run(command, cwd=tmp_path, env=environment, timeout=300, check=True)
    for rank in range(2):
        expected = f'{rank} of 2, {port}, -u {ROOT}/tools/train.py toy.py --launcher pytorch --amp\n'
        assert (tmp_path / str(rank)).read_text() == expected


def test_losses_are_those_of_the_global_batch(two_ranks, tmp_path):
    one = build_runner(toy_config(tmp_path, 6, batch_size=4, model__noise=False))
    one.train()
    both = histories(load_from_file(str(two_ranks / 'iter_6.pth')))
    for name in ('train/loss', 'train/grad_norm', 'train/lr'):
        assert both[name] == pytest.approx(histories(one)[name], rel=1e-5)


def test_the_checkpoint_holds_the_random_state_of_each_rank(two_ranks):
    exact = load_from_file(str(two_ranks / 'iter_6.pth'))['exact_state']
    assert len(exact['random']) == 2
    assert exact['data'] == {'position': 24, 'seed': 3, 'size': 10}


def test_resuming_with_another_number_of_ranks_says_that_it_is_not_exact(two_ranks, tmp_path):
    runner = build_runner(
        toy_config(tmp_path, 8, batch_size=4, model__noise=False, resume=True, load_from=str(two_ranks / 'iter_6.pth'))
    )
    runner.train()
    log = next((tmp_path / runner.timestamp).glob('*.log')).read_text()
    assert 'was written by 2 ranks and is resumed by 1' in log
    assert runner.train_loop.state_dict(8)['position'] == 24 + 2 * 4
