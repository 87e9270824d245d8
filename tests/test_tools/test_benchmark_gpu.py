import os
import re
import subprocess
from pathlib import Path

import pytest
import torch
from benchmark_gpu import compile_parts, largest_batch, main

ROOT = Path(__file__).parents[2]
TINY = 'configs/pretrain/slan_tiny_shapes.py'


def test_eager_rows_and_the_cascade_on_a_cpu(capsys, monkeypatch):
    monkeypatch.chdir(ROOT)
    sizes = ['--batch-size', '2', '--max-batch', '2', '--size', '32', '--words', '4', '--rounds', '1', '--k', '8']
    main([TINY, *sizes, '--no-compile'])
    lines = capsys.readouterr().out.splitlines()
    rows = [re.fullmatch(r'\| (\w+, \w+) \| 2 \| \d+ ms \| [\d.]+ \| - \| [\d.]+ \| \d+ % \|', line) for line in lines]
    assert [row[1] for row in rows if row] == ['SLAN, eager', 'BLIP, eager']
    assert [re.sub(r': \d+ ', ': ', line) for line in lines[-2:]] == [
        '8 images of one text, all levels: pairs a second',
        '8 images of one text, early exit: pairs a second',
    ]


def test_what_a_model_has_is_compiled():
    graphs = []

    def backend(graph, inputs):
        graphs.append(graph)
        return graph.forward

    class Doubling(torch.nn.Module):
        def forward(self, values):
            return 2 * values

    model = torch.nn.ModuleDict({'locator': Doubling(), 'head': Doubling()})
    compile_parts(model, backend=backend)
    assert model['head'](torch.ones(2)).tolist() == [2, 2] and not graphs
    assert model['locator'](torch.ones(2)).tolist() == [2, 2] and len(graphs) == 1


def test_the_largest_batch_that_fits():
    def measure(size):
        if size > 20:
            raise torch.OutOfMemoryError

    assert largest_batch(measure, 4, 64) == 16
    assert largest_batch(measure, 4, 8) == 8
    assert largest_batch(measure, 3, 2) == 3
    with pytest.raises(torch.OutOfMemoryError):
        largest_batch(measure, 32, 64)


def test_the_script_goes_on_after_a_config_that_fails(tmp_path):
    (tmp_path / 'python').write_text('#!/bin/sh\necho "ran $2 $3"\ncase $2 in *bad*) exit 3 ;; esac\n')
    (tmp_path / 'python').chmod(0o755)
    environment = {**os.environ, 'PATH': f'{tmp_path}:{os.environ["PATH"]}', 'SLAN_GPU_CONFIGS': 'bad.py good.py'}
    done = subprocess.run(
        ['bash', 'tools/analysis/benchmark_gpu.sh', '--k=8'],
        cwd=ROOT, env={**environment, 'SLAN_GPU_SECONDS': '60'}, capture_output=True, text=True, check=True
    )  # fmt: skip
    assert done.stdout.splitlines()[::2] == ['ran bad.py --k=8', 'ran good.py --k=8']
    assert re.fullmatch(r'bad.py: ended with 3 within (29|30) s', done.stdout.splitlines()[1])
