"""The benchmark of retrieval at scale, at toy size: what it runs and prints, not how fast."""

import re
import runpy
import sys
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from support.toy import SIZE, build_toy_slan, toy_config

from slan_mm.pair_index import PairIndex

TOOLS = Path(__file__).parents[2] / 'tools' / 'analysis'


@pytest.fixture
def benchmark(monkeypatch):
    monkeypatch.syspath_prepend(str(TOOLS))
    return runpy.run_path(str(TOOLS / 'benchmark_retrieval.py'))


def test_synthetic_features_are_scored_by_the_model(benchmark):
    model = build_toy_slan().eval()
    synthetic = benchmark['SyntheticFeatures'](model, SIZE, words=6)
    image, text = synthetic.encode_image([0, 0, 0]), synthetic.encode_text(['a', 'b'])
    assert len(image) == 3 and text.words.shape[:2] == (2, 6)
    assert not torch.equal(image.embedding[0], image.embedding[1])
    assert torch.equal(image.regions[0], image.regions[1])
    with torch.no_grad():
        assert torch.equal(synthetic.shortlist_scores(image, text), model.shortlist_scores(image, text))
        synthetic.itm_scores(image[:2], text, PairIndex(torch.arange(2), torch.arange(2)))
    assert synthetic.pairs == {'mixed': 6, 'ITM': 2} and len(synthetic.peaks['ITM']) == 1


def test_when_time_is_over_itc_is_cheap_and_itm_ends(benchmark):
    synthetic = benchmark['SyntheticFeatures'](build_toy_slan().eval(), SIZE, words=6, minutes=-1)
    image, text = synthetic.encode_image([0]), synthetic.encode_text(['a'])
    assert torch.equal(synthetic.shortlist_scores(image, text), image.embedding @ text.embedding.T)
    with pytest.raises(benchmark['OutOfTimeError']):
        synthetic.itm_scores(image, text, PairIndex(torch.arange(1), torch.arange(1)))
    assert synthetic.pairs == {'mixed': 0, 'ITM': 0}


@pytest.mark.skipif(not Path('/proc/self/clear_refs').exists(), reason='needs the /proc of Linux')
def test_both_parts_run(benchmark, tmp_path, monkeypatch, capsys):
    Config(dict(model=toy_config(), default_scope='slan_mm')).dump(tmp_path / 'toy.py')
    sizes = '--images 7 --texts 20 --m 5 --k 3 --full-k 1 --size 32 --words 6 --image-chunk 4 --pair-chunk 8'
    arguments = ['benchmark', str(tmp_path / 'toy.py'), '--store', str(tmp_path / 'store'), *sizes.split()]
    arguments += ['--minutes', '10', '--runs', '1']
    monkeypatch.setattr(sys, 'argv', arguments)
    benchmark['main']()
    printed = capsys.readouterr().out
    for kind in ('ITM, first level', 'ITM, all levels'):
        rows = ''.join(rf'\n  {count} pairs: .*' for count in (128, 256, 384, 512))
        assert re.search(rf'{kind}: medians of 1 .*{rows}', printed)
    assert re.search(r'mixed: medians of 1 .*(\n  \d+ pairs: .*){4}', printed)
    # Mixed scores of the first 3 images were put there; the model scores those of the other 4.
    assert 'scores of 3 images put into the store' in printed
    found = re.search(r'by score: mixed: (\d+), ITM, first level: (\d+), ITM, all levels: (\d+)', printed)
    mixed, early, full = map(int, found.groups())
    assert max(7 * 5, 20 * 5) <= mixed <= 27 * 5 and 20 * 3 <= early <= 27 * 3 and 20 <= full <= 27
    scored = {kind: int(re.search(rf'{kind}: (\d+) pairs in', printed)[1]) for kind in ('mixed', 'ITM')}
    assert 0 < scored['mixed'] < mixed and early < scored['ITM'] <= early + 27
    assert 'PEAK of the whole' in printed and 'Computed from the fits, not measured' in printed
