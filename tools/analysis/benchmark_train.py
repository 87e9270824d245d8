"""Times a training step, beside mmpretrain's BLIP retrieval model with its momentum branch.

    python tools/analysis/benchmark_train.py configs/pretrain/slan_tiny_shapes.py --batch-size 32 --size 64 --profile
    python tools/analysis/benchmark_train.py configs/pretrain/slan_r50_14m.py --batch-size 2 --memory

BLIP has the config's backbone and BERT, the same batch, text length, optimizer and precision. Both models take whole
steps (``train_step``: stacking and tokenising, forward, backward, update) on noise, in turns in one process; results
are medians over the rounds. BLIP's losses are ITC and ITM, so SLAN's step is measured with these alone and then with
one more loss each: region-word terms, L_reg, LM, which is all. ITM has hard negatives from the first iteration on, and
momentum encoders are in every step of SLAN if the config has them. Utilisation is the operations of a step (two for a
multiply-add) by CPU seconds, in relation to the fastest matrix product measured on this machine with as many threads.
CPU seconds hardly depend on other load on the machine.
``--memory`` runs two steps of each model in its own process; ``--profile`` prints where the time of SLAN's step goes.
"""

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Callable
from itertools import cycle, islice
from pathlib import Path

from slan_mm.cli.errors import one_line_errors
from slan_mm.cli.options import add_settings, positive

MODELS_TIMED = ('SLAN', 'BLIP')
#: The steps that are timed, and the losses that each of SLAN's has beside ITC and ITM.
STEPS: dict[str, tuple[str, ...]] = {
    'BLIP': (),
    'SLAN, ITC + ITM': (),
    '+ region-word': ('region_word',),
    '+ L_reg': ('region_word', 'reg'),
    '+ LM': ('region_word', 'reg', 'lm'),
}
ALIKE, WHOLE = 'SLAN, ITC + ITM', '+ LM'


def parse_options(arguments: list[str] | None = None) -> argparse.Namespace:
    """The command line's options."""
    parser = argparse.ArgumentParser(description='Times a training step beside that of BLIP.')
    parser.add_argument('config', help='config file of a pre-training')
    parser.add_argument('--batch-size', type=positive, default=2)
    parser.add_argument('--size', type=positive, default=224, help='side of the pictures')
    parser.add_argument('--words', type=positive, default=30, help='words of a text')
    parser.add_argument('--rounds', type=positive, default=5, help='steps of each model that are timed')
    parser.add_argument('--bfloat16', action='store_true', help='mixed precision; without, float32')
    parser.add_argument('--memory', action='store_true', help='also measure the peak of memory')
    parser.add_argument('--profile', action='store_true', help="also print where the time of SLAN's step goes")
    parser.add_argument('--memory-of', choices=MODELS_TIMED, help=argparse.SUPPRESS)
    add_settings(parser)
    return parser.parse_args(arguments)


if __name__ == '__main__':
    parse_options()  # --help and mistakes are answered before the imports below, which take seconds

import torch
from blip_retrieval import build_blip_retrieval
from count_params import offline_model, table
from measuring import Alternation, alternate, matmul_peak
from mmengine.config import Config, ConfigDict
from mmengine.logging import MMLogger
from mmengine.optim import OptimWrapper, build_optim_wrapper
from mmengine.registry import init_default_scope
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.profiler import ProfilerActivity, profile
from torch.utils.flop_counter import FlopCounterMode
from try_full_size import peak_gib, random_batch

from slan_mm.config import read_config
from slan_mm.datasets.shapes.grammar import words
from slan_mm.engine.start_losses import start_losses
from slan_mm.malloc import keep_freed_memory
from slan_mm.models.base import BaseSLAN
from slan_mm.models.objectives import PretrainObjective
from slan_mm.registry import MODELS


def captions(batch_size: int, num_words: int) -> list[str]:
    """A text of ``num_words`` tokens for each picture, all different."""
    return [' '.join(islice(cycle(words()), start, start + num_words)) for start in range(batch_size)]


def timed_config(options: argparse.Namespace) -> Config:
    """The config, with a model that needs no files and draws hard negatives from the first iteration on."""
    cfg = read_config(options.config, options.cfg_options)
    init_default_scope(cfg.get('default_scope', 'slan_mm'))
    # One line for every parameter's weight decay says nothing here.
    MMLogger.get_current_instance().setLevel('ERROR')
    cfg.model = offline_model(cfg)
    start_losses(cfg.model)
    cfg.model.text.encoder.max_words = options.words + 2
    cfg.optim_wrapper.type = 'BFloat16OptimWrapper' if options.bfloat16 else 'OptimWrapper'
    for name in ('dtype', 'loss_scale'):
        cfg.optim_wrapper.pop(name, None)
    return cfg


def build(name: str, cfg: Config, options: argparse.Namespace) -> tuple[nn.Module, OptimWrapper]:
    """SLAN or BLIP in training mode, and its optimiser; both of the same kind."""
    torch.manual_seed(0)
    wrapper = cfg.optim_wrapper.to_dict()
    if name == 'SLAN':
        model = MODELS.build(cfg.model)
    else:
        model = build_blip_retrieval(cfg.model, options.words + 2)
        # Its keys name parts of SLAN.
        wrapper.pop('paramwise_cfg', None)
    return model.train(), build_optim_wrapper(model, wrapper)


def state_gib(model: nn.Module) -> float:
    """GiB that a model's parameters take: in float32, those that learn with a gradient and AdamW's two averages."""
    learned, fixed = (sum(p.numel() for p in model.parameters() if p.requires_grad is kind) for kind in (True, False))
    return 4 * (4 * learned + fixed) / 2**30


def step_of(name: str, model: nn.Module, wrapper: OptimWrapper, options: argparse.Namespace) -> Callable[[], object]:
    """A function that takes one training step."""
    batch = random_batch(options.batch_size, options.size, captions(options.batch_size, options.words))
    if name == 'BLIP':
        # As mmpretrain's collate function leaves them.
        batch['inputs'] = torch.stack(batch['inputs'])
        for number, sample in enumerate(batch['data_samples']):
            sample.set_metainfo(dict(image_id=number, is_matched=True))

    def step() -> object:
        # BLIP appends to the list of samples that it is given.
        return model.train_step({**batch, 'data_samples': list(batch['data_samples'])}, wrapper)

    return step


class NoRegression(nn.Module):
    """In place of L_reg."""

    def forward(self, boxes: list[Tensor], mask: Tensor, weight: Tensor) -> Tensor:
        """Nothing, which leaves the boxes in the graph."""
        return boxes[0].sum() * 0.0


def with_losses(model: BaseSLAN, objective: ConfigDict, losses: tuple[str, ...]) -> nn.Module:
    """The objective of ``model``, made by the config ``objective``, with ITC, ITM and these other ``losses`` alone.

    It shares all weights with the model's own, whose optimiser so fits both.
    """
    own, changed = model.objective, dict(objective)
    if 'lm' not in losses:
        changed['weights'] = {**changed.get('weights', {}), 'lm': 0.0}
    if 'region_word' not in losses:
        changed.update(region_word=None, calibrated=())
    # A step with the copies of the momentum encoders would not fit into memory several times.
    changed['momentum'] = 0.0
    result = PretrainObjective(
        **changed,
        embed_dims=model.embed_dims,
        itc_dims=model.itc_dims,
        space_dims=model.space_dims,
        image_branch=model.image_branch,
        text_branch=model.text_branch,
    )
    for name in ('momentum', 'itc', 'itm_head', 'lm_head', 'regression'):
        if hasattr(result, name):
            setattr(result, name, getattr(own, name))
    for term in result.region_word:
        result.region_word[term] = own.region_word[term]
    if 'reg' not in losses:
        result.regression = NoRegression()
    return result.train()


def steps_of(
    built: dict[str, tuple[nn.Module, OptimWrapper]], objective: ConfigDict, options: argparse.Namespace
) -> dict[str, Callable[[], object]]:
    """The steps of ``STEPS`` with the models and optimisers ``built`` by :func:`build`."""
    steps = {'BLIP': step_of('BLIP', *built['BLIP'], options)}
    slan, wrapper = built['SLAN']
    whole = step_of('SLAN', slan, wrapper, options)

    def step_with(losses: tuple[str, ...]) -> Callable[[], object]:
        variant = with_losses(slan, objective, losses)

        def step() -> object:
            slan.objective = variant
            return whole()

        return step

    return steps | {name: step_with(losses) for name, losses in STEPS.items() if name != 'BLIP'}


class Metered:
    """A step that notes the CPU seconds, of all threads, of each time it is taken."""

    def __init__(self, step: Callable[[], object]) -> None:
        self.step = step
        self.seconds: list[float] = []

    def __call__(self) -> None:
        start = time.process_time()
        self.step()
        self.seconds.append(time.process_time() - start)


def count_operations(step: Callable[[], object]) -> int:
    """Operations of one step, two for a multiply-add."""
    counter = FlopCounterMode(display=False)
    # The counter does not see the fused kernels of CPUs.
    with counter, sdpa_kernel(SDPBackend.MATH):
        step()
    return counter.get_total_flops()


def measure_memory(name: str) -> float:
    """GiB at the peak of a process in which the model of ``name`` takes two steps."""
    command = [sys.executable, *sys.argv, '--memory-of', name]
    return float(subprocess.run(command, check=True, stdout=subprocess.PIPE, env=dict(os.environ)).stdout.split()[-1])


def profile_table(step: Callable[[], object], rows: int = 20) -> str:
    """The ``rows`` operators that take most of a step's time themselves, as a Markdown table."""
    with profile(activities=[ProfilerActivity.CPU]) as profiler:
        step()
    events = sorted(profiler.key_averages(), key=lambda event: -event.self_cpu_time_total)
    total = sum(event.self_cpu_time_total for event in events)
    lines = [f'| {"operator":<52} | calls | self time |', f'| {"-" * 52} | ----: | --------: |']
    for event in events[:rows]:
        share = 100 * event.self_cpu_time_total / total
        lines.append(f'| {event.key[:52]:<52} | {event.count:>5} | {share:>7.1f} % |')
    return '\n'.join(lines)


@one_line_errors
def main() -> None:
    """Measures and prints."""
    options = parse_options()
    cfg = timed_config(options)
    if options.memory_of:
        step = step_of(options.memory_of, *build(options.memory_of, cfg, options), options)
        for _ in range(2):
            step()
        print(peak_gib())
        return
    memory = {name: measure_memory(name) if options.memory else None for name in MODELS_TIMED}
    keep_freed_memory()
    dtype = torch.bfloat16 if options.bfloat16 else torch.float32
    # Small products too, and many: one of them fits between two interruptions of a busy machine.
    peak = matmul_peak(dtype=dtype, sizes=(512, 1024), repeats=40)
    print(
        f'{Path(options.config).stem}: batches of {options.batch_size} pictures of {options.size} x {options.size}, '
        f'texts of {options.words} words, {str(dtype).split(".")[1]}, {torch.get_num_threads()} thread(s), '
        f'medians of {options.rounds} rounds'
    )
    print(f'peak of a matrix product: {peak / 1e9:.0f} GFLOP/s\n', flush=True)
    built = {name: build(name, cfg, options) for name in MODELS_TIMED}
    steps = steps_of(built, cfg.model.objective, options)
    # The first step of each, which also allocates the optimiser's state, is the one that is counted.
    operations = {name: count_operations(step) for name, step in steps.items()}
    print(f'operations counted; {options.rounds} rounds of {len(steps)} steps follow', flush=True)
    metered = {name: Metered(step) for name, step in steps.items()}
    result = alternate(metered, options.rounds, warm_up=0)
    cpu = Alternation({name: meter.seconds for name, meter in metered.items()})
    columns = {}
    for name in STEPS:
        seconds, cpu_seconds = result.median(name), cpu.median(name)
        columns[name] = {
            'seconds a step': f'{seconds:.2f}',
            'CPU seconds a step': f'{cpu_seconds:.2f}',
            'times BLIP': f'{cpu.ratio(name, "BLIP"):.2f}',
            'GFLOPs a picture': f'{operations[name] / options.batch_size / 1e9:.1f}',
            'times BLIP, by GFLOPs': f'{operations[name] / operations["BLIP"]:.2f}',
            'utilisation of the peak': f'{100 * operations[name] / cpu_seconds / peak * torch.get_num_threads():.0f} %',
        }
    print(table(columns))
    for name in MODELS_TIMED:
        peak_memory = f'{memory[name]:.2f}' if options.memory else '-'
        print(
            f'{name}: peak memory {peak_memory} GiB, of which parameters, gradients, AdamW '
            f'{state_gib(built[name][0]):.2f}'
        )
    print(
        f'\nBy CPU seconds a step of SLAN with ITC and ITM takes {cpu.ratio(ALIKE, "BLIP"):.2f} times that of BLIP, a '
        f'whole one {cpu.ratio(WHOLE, "BLIP"):.2f} times; by the clock {result.ratio(ALIKE, "BLIP"):.2f} and '
        f'{result.ratio(WHOLE, "BLIP"):.2f} times (medians of the ratios by round).',
        flush=True,
    )
    if options.profile:
        print('\n' + profile_table(steps[WHOLE]))


if __name__ == '__main__':
    main()
