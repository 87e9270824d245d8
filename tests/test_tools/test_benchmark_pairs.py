"""tools/analysis/benchmark_pairs.py: that its rivals do the same work, and its tables; no time is tested."""

import argparse
import sys
from pathlib import Path

import pytest
import torch
from measuring import Alternation

ROOT = Path(__file__).parents[2]
TINY = str(ROOT / 'configs/pretrain/slan_tiny_shapes.py')


@pytest.fixture(autouse=True)
def tools(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / 'tools/analysis'))


@torch.no_grad()
def test_rivals_score_the_same_pair(tools):
    from benchmark_pairs import build_slan, slan_rivals

    model = build_slan(TINY, 5)
    cached, early, alone = slan_rivals(model, 64, argparse.Namespace(images=2, texts=3, words=5))
    assert (cached.pairs, early.pairs, alone.pairs) == (6, 6, 1)
    scores = cached.run()
    assert scores.shape == (6,)
    torch.testing.assert_close(alone.run(), scores[:1], rtol=1e-4, atol=1e-5)
    assert early.run().shape == (6,) and not torch.allclose(early.run(), scores)


def test_ratios_are_of_single_pairs(tools):
    from benchmark_pairs import Rival, per_pair, ratio

    rivals = dict(fast=Rival(lambda: None, 4), slow=Rival(lambda: None, 2))
    result = Alternation(dict(fast=[1.0, 2.0, 3.0], slow=[1.0, 2.0, 30.0]))
    assert per_pair(result, rivals, 'fast') == 0.5 and per_pair(result, rivals, 'slow') == 1.0
    assert ratio(result, rivals, 'slow', 'fast') == '2.0' and ratio(result, rivals, 'other', 'fast') == ''


def test_tables(tools, monkeypatch, capsys):
    import benchmark_pairs

    built = []

    def small_blip():
        built.append(blip(layers=1))
        return built[0]

    blip = benchmark_pairs.build_blip
    monkeypatch.setattr(benchmark_pairs, 'build_blip', small_blip)
    monkeypatch.setattr(benchmark_pairs, 'matmul_peak', lambda clock: 1e12)
    arguments = [TINY, '--sizes', '64', '--texts', '2', '--words', '4', '--rounds', '1', '--threads', '1']
    monkeypatch.setattr(sys, 'argv', ['benchmark_pairs.py', *arguments])
    benchmark_pairs.main()
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith('|')]
    rows = {cells[1].strip(): cells for cells in (line.split('|') for line in lines)}
    name = 'slan_tiny_shapes, 64'
    assert {
        f'{name}, cached',
        f'{name}, early exit',
        f'{name}, without reuse',
        'BLIP, 64',
        'all',
        'feed-forward layers',
    } <= rows.keys()
    assert 'anything else' not in rows
    # Of the same work, the parts' operations sum to the whole's.
    whole = float(rows['all'][4])
    parts = sum(float(cells[4]) for part, cells in rows.items() if part in benchmark_pairs.PARTS)
    assert parts == pytest.approx(whole, abs=0.5)
    assert float(rows[f'{name}, cached'][6]) == pytest.approx(whole / 1000, abs=0.01)
    # One layer: six projections over its tokens (two over the image's), six products, and the feed-forward layer.
    encoder, _ = built[0]
    assert encoder.config.num_hidden_layers == 1
    words, cells, width = 6, 17, 768
    products = 6 * words * width**2 + 2 * cells * width**2 + 2 * words * (words + cells) * width
    expected = 2 * (products + 2 * words * width * 3072 + 2 * width)
    assert float(rows['BLIP, 64'][6]) == pytest.approx(expected / 1e9, abs=0.006)
