"""Time and memory of a retrieval evaluation at scale, on synthetic features of a full-size model.

    python tools/analysis/benchmark_retrieval.py configs/retrieval/slan_r50_coco.py --store work_dirs/benchmark_store

The model is the config's, with random weights. It encodes one random image and one text. All others share these
features and differ in the embedding, because contents change neither time nor memory. ``--cfg-options
test_cfg.fp16=True`` evaluates under autocast, on a CPU in bfloat16. There are two parts:

- ``linear``: ``RetrievalEvaluator`` on galleries of four sizes, in alternating runs. It fits a line to the medians of
  CPU seconds by the number of pairs that the mixed score, ITM after the locator's first level, and ITM after all levels
  look at.
- ``memory``: ``--images`` x ``--texts`` features go into a store on disk in half precision, and ``RetrievalEvaluator``
  runs on it with the cascade of ``--m``, ``--k`` and ``--full-k``. ITC scores, and mixed scores of all images but the
  last chunk, are random numbers in the store, as if an earlier run had left them. Of the last chunk, and of the
  shortlists' pairs, the model scores chunks for ``--minutes`` each. The tool prints the peak of resident memory of each
  phase and chunk. At the end all queries are ranked, with random ITM logits.

A finished store is used again. Remove it afterwards: ResNet-50 at 224 pixels takes 17 GB.
"""

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

from slan_mm.arguments import real
from slan_mm.cli.errors import one_line_errors
from slan_mm.cli.options import add_settings, option, positive


def parse_options(arguments: list[str] | None = None) -> argparse.Namespace:
    """The command line's options."""
    parser = argparse.ArgumentParser(description='Time and memory of a retrieval evaluation at scale.')
    parser.add_argument('config', help='config file of a full-size model')
    parser.add_argument('--store', required=True, help='folder for the features; is not removed')
    parser.add_argument('--part', choices=['linear', 'memory', 'both'], default='both')
    parser.add_argument('--images', type=positive, default=5000)
    parser.add_argument('--texts', type=positive, default=25000)
    parser.add_argument('--m', type=positive, default=500, help='candidates of the mixed score')
    parser.add_argument('--k', type=positive, default=256, help='candidates of ITM after the first level')
    parser.add_argument('--full-k', type=positive, help='candidates of ITM after all levels; default: an eighth of k')
    parser.add_argument('--size', type=positive, default=224, help='side of the pictures')
    parser.add_argument('--words', type=positive, default=30, help='tokens of a text')
    parser.add_argument('--image-chunk', type=positive, default=16)
    parser.add_argument('--pair-chunk', type=positive, default=32)
    parser.add_argument(
        '--minutes',
        type=option(real(0, above=True)),
        default=2.0,
        help='for mixed and for ITM scores of the memory part',
    )
    parser.add_argument('--runs', type=positive, default=5)
    add_settings(parser)
    parsed = parser.parse_args(arguments)
    parsed.full_k = parsed.full_k or max(parsed.k // 8, 1)
    return parsed


if __name__ == '__main__':
    parse_options()  # --help and mistakes are answered before the imports below, which take seconds

import numpy as np
import torch
from count_params import offline_model
from mmengine.logging import MMLogger
from mmengine.registry import init_default_scope
from mmengine.runner.amp import autocast
from synthetic_features import OutOfTimeError, SyntheticFeatures, synthetic_loader
from torch.utils.data import DataLoader

from slan_mm.applied_config import without_momentum
from slan_mm.config import read_config
from slan_mm.evaluation import RetrievalEvaluator
from slan_mm.evaluation.cascade import Cascade, itm_stages
from slan_mm.evaluation.evaluation_store import EvaluationStore, store_header
from slan_mm.evaluation.pair_scores import which
from slan_mm.evaluation.rerank import asked_pairs, best_of, rank
from slan_mm.malloc import keep_freed_memory
from slan_mm.registry import MODELS
from slan_mm.structures import EXIT_LEVEL

#: Images x texts of the galleries that are timed. The mixed score looks at two images of each text: an eighth of a
#: chunk of 16 images, the share of COCO's pairs. Of ITM an image meets many texts, as there.
MIXED_SIZES = [(16, 256), (16, 512), (16, 768), (16, 1024)]
ITM_SIZES = [(1, 128), (2, 128), (3, 128), (4, 128)]


def measured(model: SyntheticFeatures, images: int, texts: int, kind: str) -> tuple[float, int]:
    """Seconds of CPU time of an evaluation, and the number of pairs that the score ``kind`` looked at."""
    if kind == 'mixed':
        evaluator = RetrievalEvaluator(k=1, m=2, fast=True, image_chunk=16, text_chunk=256, store_dtype='float16')
    else:
        evaluator = RetrievalEvaluator(k=texts, pair_chunk=32, store_dtype='float16')
    own = 'mixed' if kind == 'mixed' else 'ITM'
    model.levels = EXIT_LEVEL if kind == 'ITM, first level' else None
    before, start = model.pairs[own], time.process_time()
    evaluator.run(model, synthetic_loader(images, texts))
    return time.process_time() - start, model.pairs[own] - before


def measure_linear(model: SyntheticFeatures, runs: int) -> dict[str, float]:
    """Prints medians by size and the fit; returns seconds a pair."""
    slopes = {}
    for kind, sizes in (('mixed', MIXED_SIZES), ('ITM, first level', ITM_SIZES), ('ITM, all levels', ITM_SIZES)):
        measured(model, *sizes[0], kind)  # warms up
        runs_of_sizes = np.array([[measured(model, *size, kind) for size in sizes] for _ in range(runs)])
        medians, pairs = np.median(runs_of_sizes, axis=0).T
        slope, offset = np.polyfit(pairs, medians, 1)
        error = medians - (slope * pairs + offset)
        r2 = 1 - (error**2).sum() / ((medians - medians.mean()) ** 2).sum()
        slopes[kind] = slope
        print(f'{kind}: medians of {runs} alternating runs, {torch.get_num_threads()} thread(s), CPU time:')
        for count, median in zip(pairs, medians, strict=True):
            print(f'  {count:.0f} pairs: {median:.2f} s')
        print(f'  fit: {offset:.2f} s + {1e3 * slope:.2f} ms a pair, R^2 {r2:.5f}', flush=True)
    return slopes


def measure_memory(model: SyntheticFeatures, options: argparse.Namespace) -> dict[str, int]:
    """Prints the peaks of the phases; returns the number of pairs that each score would look at."""
    print(f'model built: {model.memory.peak():.2f} GiB at most')
    loader = synthetic_loader(options.images, options.texts)
    pairs = {'mixed': put_scores(model, loader, options)}
    score_chunks(model, loader, options)
    pairs |= rank_all(model, loader, options)
    size = sum(path.stat().st_size for path in Path(options.store).rglob('*') if path.is_file()) / 2**30
    counts = ', '.join(f'{kind}: {count}' for kind, count in pairs.items())
    print(f'store: {size:.1f} GiB on disk; pairs by score: {counts}')
    print(f'PEAK of the whole: {model.memory.highest:.2f} GiB')
    return pairs


def put_scores(model: SyntheticFeatures, loader: DataLoader, options: argparse.Namespace) -> int:
    """Puts random scores of all images but the last chunk into the store, ITC's of all; the pairs to be mixed."""
    store = open_store(model, loader, options)
    last, shape = max(options.images - options.image_chunk, 0), (options.images, options.texts)
    generator = np.random.default_rng(0)
    itc = store.scores('itc', shape, of={})
    for start in range(itc.done, options.images, 100):
        own = itc.values[start : start + 100]
        own[:] = generator.standard_normal(own.shape, dtype=np.float32)
    itc.mark(options.images, at_once=True)
    asked = asked_pairs(itc.values, options.m)[2]
    mixed = store.scores('shortlist', shape, of=which(asked))
    for start in range(mixed.done, last, 100):
        own = mixed.values[start : min(start + 100, last)]
        own[:] = itc.values[start : start + len(own)] + generator.standard_normal(own.shape, dtype=np.float32)
    mixed.mark(last, at_once=True)
    store.close()
    print(f'scores of {last} images put into the store: {model.memory.peak():.2f} GiB at most', flush=True)
    return int(asked.sum())


def score_chunks(model: SyntheticFeatures, loader: DataLoader, options: argparse.Namespace) -> None:
    """Runs the evaluator on the store until the minutes for ITM are over."""
    evaluator = RetrievalEvaluator(
        k=options.k,
        m=options.m,
        full_k=options.full_k,
        image_chunk=options.image_chunk,
        text_chunk=256,
        pair_chunk=options.pair_chunk,
        store_dtype='float16',
        store=options.store,
    )
    start = time.monotonic()
    try:
        evaluator.run(model, loader)
    except OutOfTimeError:
        print(f'stopped in ITM after {(time.monotonic() - start) / 60:.1f} minutes, as asked')
    after = model.memory.peak()
    for kind, peaks in model.peaks.items():
        # The first chunk's peak is of all that came before it, too.
        later = peaks[1:] or peaks
        print(
            f'{kind}: {model.pairs[kind]} pairs in {len(peaks)} chunks; peak up to and with the first chunk '
            f'{peaks[0]:.2f} GiB, of each chunk after it {min(later):.2f} to {max(later):.2f} GiB'
        )
    print(f'end of ITM: {after:.2f} GiB at most')


def rank_all(model: SyntheticFeatures, loader: DataLoader, options: argparse.Namespace) -> dict[str, int]:
    """Ranks all queries by the store's scores and random ITM logits; the pairs of ITM by stage."""
    store, shape = open_store(model, loader, options), (options.images, options.texts)
    itc = store.scores('itc', shape, of={}).values
    of_images, of_texts, asked = asked_pairs(itc, options.m)
    scores = store.scores('shortlist', shape, of=which(asked)).values
    del asked
    text_image = np.repeat(np.arange(options.images), [len(item['data_samples'].text) for item in loader.dataset])
    images, generator, pairs = np.arange(options.images), np.random.default_rng(0), {}

    def random_logits(lists: Sequence[np.ndarray], levels: int | None) -> list[np.ndarray]:
        i2t, t2i = (candidates.astype(np.int64) for candidates in lists)
        numbers = [
            images[:, None] * options.texts + i2t,
            t2i * options.texts + np.arange(options.texts)[:, None],
        ]
        stage = 'ITM, all levels' if levels is None else 'ITM, first level'
        pairs[stage] = len(np.unique(np.concatenate([own.ravel() for own in numbers])))
        return [generator.standard_normal(candidates.shape, dtype=np.float32) for candidates in lists]

    cascade = Cascade(options.k, options.m, options.full_k)
    short = [best_of(scores, of_images, options.k), best_of(scores.T, of_texts, options.k)]
    for all_pairs, alone, query, candidate, stage, stages, first in zip(
        (scores, scores.T),
        (itc, itc.T),
        (images, text_image),
        (text_image, images),
        short,
        itm_stages(cascade, short, random_logits),
        (of_images, of_texts),
        strict=True,
    ):
        rank(all_pairs, alone, query, candidate, stage.candidates, stages, first)
    print(f'both directions ranked: {model.memory.peak():.2f} GiB at most')
    return pairs


def open_store(model: SyntheticFeatures, loader: DataLoader, options: argparse.Namespace) -> EvaluationStore:
    """The evaluation's store, as it is on disk."""
    return EvaluationStore(options.store, store_header(model, loader, torch.float16, None))


@one_line_errors
def main() -> None:
    """Measures and prints."""
    options = parse_options()
    keep_freed_memory()  # as tools/test.py does on a CPU
    cfg = read_config(options.config, options.cfg_options)
    init_default_scope(cfg.get('default_scope', 'slan_mm'))
    MMLogger.get_current_instance().setLevel('ERROR')
    torch.manual_seed(0)
    model = MODELS.build(without_momentum(offline_model(cfg))).eval()
    sizes = (
        f'{options.images} images x {options.texts} texts, m = {options.m}, k = {options.k}, full_k = {options.full_k}'
    )
    print(f'{Path(options.config).stem}, pictures of {options.size}, {options.words} tokens: {sizes}', flush=True)
    slopes, pairs = {}, {}
    with autocast(enabled=(cfg.get('test_cfg') or {}).get('fp16', False)):
        if options.part != 'memory':
            slopes = measure_linear(SyntheticFeatures(model, options.size, options.words), options.runs)
        if options.part != 'linear':
            pairs = measure_memory(SyntheticFeatures(model, options.size, options.words, options.minutes), options)
    if slopes and pairs:
        hours = {kind: slope * pairs[kind] / 3600 for kind, slope in slopes.items()}
        told = ', '.join(f'{kind} {value:.1f}' for kind, value in hours.items())
        print(f'Computed from the fits, not measured, hours on this machine: {told}')


if __name__ == '__main__':
    main()
