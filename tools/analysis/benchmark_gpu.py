"""Times training steps of SLAN and of mmpretrain's BLIP in bfloat16, and SLAN's cascade, on this machine's GPU.

    python tools/analysis/benchmark_gpu.py configs/pretrain/slan_r50_14m.py

``tools/analysis/benchmark_gpu.sh`` runs it for two backbones. Without a GPU it runs on the CPU, which is for tests.

- Training: whole steps as ``benchmark_train.py`` takes them, of both models, eager and with ``torch.compile`` of the
  backbones and SLAN's locator. The batch is the largest that fits in an eager step: it starts at ``--batch-size`` and
  doubles up to ``--max-batch``. Seconds are medians of ``--rounds`` steps after one that does not count. The share of
  the peak is a step's operations (two for a multiply-add), counted at the first batch size, by the fastest matrix
  product measured.
- Cascade: ITM's pairs a second for one text and ``--k`` images on cached features. With early exit, all images go
  through one level of the locator and an eighth of them through all levels.
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

from slan_mm.cli.errors import one_line_errors
from slan_mm.cli.options import add_settings, positive


def parse_options(arguments: list[str] | None = None) -> argparse.Namespace:
    """The command line's options."""
    parser = argparse.ArgumentParser(description='Times training steps and the cascade on a GPU.')
    parser.add_argument('config', help='config file of a pre-training')
    parser.add_argument('--batch-size', type=positive, default=16, help='the first batch size')
    parser.add_argument('--max-batch', type=positive, default=512, help='the last batch size')
    parser.add_argument('--size', type=positive, default=224, help='side of the images')
    parser.add_argument('--words', type=positive, default=30, help='words per text')
    parser.add_argument('--rounds', type=positive, default=5, help='timed steps')
    parser.add_argument('--k', type=positive, default=64, help='images that ITM scores')
    parser.add_argument('--no-compile', action='store_false', dest='compile', help='eager steps only')
    add_settings(parser)
    return parser.parse_args(arguments)


if __name__ == '__main__':
    parse_options()  # --help and mistakes are answered before the imports below, which take seconds

import torch
from benchmark_train import MODELS_TIMED, build, captions, count_operations, step_of, timed_config
from measuring import matmul_peak
from mmengine.device import get_device
from torch import nn

from slan_mm.pair_index import PairIndex

#: Modules that are compiled, of whichever model has them.
COMPILED = (
    'image_branch.encoder.backbone', 'text_branch.encoder.backbone', 'locator', 'vision_backbone', 'text_backbone'
)  # fmt: skip


def seconds_of(run: Callable[[], object], rounds: int) -> float:
    """The median of ``rounds`` runs, after one that does not count; what the GPU still has to do counts."""
    times = []
    for _ in range(rounds + 1):
        start = time.perf_counter()
        run()
        if get_device() == 'cuda':
            torch.cuda.synchronize()
        times.append(time.perf_counter() - start)
    return median(times[1:])


def largest_batch(step: Callable[[int], object], first: int, last: int) -> int:
    """The largest batch size that ``step`` has room for, of ``first`` and its doubles up to ``last``.

    Raises:
        torch.OutOfMemoryError: ``first`` does not fit.
    """
    fits = size = first
    while size <= max(first, last):
        try:
            step(size)
            fits = size
        except torch.OutOfMemoryError:
            if size == first:
                raise
            break
        size *= 2
    return fits


def measure_training(name: str, options: argparse.Namespace, peak: float) -> None:
    """Prints the rows of a model's training steps."""
    model, wrapper = build(name, timed_config(options), options)
    model.to(get_device())
    per_image = count_operations(step_of(name, model, wrapper, options)) / options.batch_size

    def step_at(batch_size: int) -> Callable[[], object]:
        if get_device() == 'cuda':
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats()
        return step_of(name, model, wrapper, argparse.Namespace(**{**vars(options), 'batch_size': batch_size}))

    def report(how: str, batch_size: int) -> None:
        seconds = seconds_of(step_at(batch_size), options.rounds)
        memory = f'{torch.cuda.max_memory_allocated() / 2**30:.1f} GiB' if get_device() == 'cuda' else '-'
        share = 100 * per_image * batch_size / seconds / peak
        print(
            f'| {name}, {how} | {batch_size} | {1e3 * seconds:.0f} ms | {batch_size / seconds:.1f} | {memory} | '
            f'{per_image / 1e9:.1f} | {share:.0f} % |',
            flush=True,
        )

    batch_size = largest_batch(lambda size: step_at(size)(), options.batch_size, options.max_batch)
    report('eager', batch_size)
    if options.compile:
        compile_parts(model)
        report('compiled', batch_size)


def compile_parts(model: nn.Module, **options: Any) -> None:
    """Compiles in place those of ``COMPILED`` that ``model`` has; ``options`` are those of ``torch.compile``."""
    names = dict(model.named_modules())
    for name in COMPILED:
        if name in names:
            names[name].compile(**options)


@torch.no_grad()
def measure_cascade(options: argparse.Namespace) -> None:
    """Prints how many pairs a second ITM scores, of all images and with early exit."""
    model, _ = build('SLAN', timed_config(options), options)
    model.to(get_device()).eval()
    with torch.device(get_device()), torch.autocast(get_device(), dtype=torch.bfloat16):
        image = model.encode_image(torch.randn(options.k, 3, options.size, options.size)).for_pairs()
        text = model.encode_text(captions(1, options.words))

        def score(count: int, **levels: int) -> None:
            model.itm_scores(image[:count], text, PairIndex.all_pairs(count, 1), **levels)

        def with_exit() -> None:
            score(options.k, levels=1)
            score(max(options.k // 8, 1))

        for how, run in (('all levels', lambda: score(options.k)), ('early exit', with_exit)):
            seconds = seconds_of(run, options.rounds)
            print(f'{options.k} images of one text, {how}: {options.k / seconds:.0f} pairs a second', flush=True)


@one_line_errors
def main(arguments: list[str] | None = None) -> None:
    """Measures and prints."""
    options = parse_options(arguments)
    options.bfloat16 = True
    sizes = (4096, 8192) if get_device() == 'cuda' else (256,)
    peak = matmul_peak(get_device(), torch.bfloat16, sizes)
    where = torch.cuda.get_device_name() if get_device() == 'cuda' else 'CPU'
    print(
        f'{Path(options.config).stem} on {where}: {options.size} x {options.size} pixels, texts of {options.words} '
        f'words, bfloat16; peak of a matrix product {peak / 1e12:.1f} TFLOP/s'
    )
    print('| model | batch | step | images/s | peak memory | GFLOPs an image | share of peak |')
    print('|---|---:|---:|---:|---:|---:|---:|', flush=True)
    for name in MODELS_TIMED:
        measure_training(name, options, peak)
    measure_cascade(options)


if __name__ == '__main__':
    main()
