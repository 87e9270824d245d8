"""Times the scoring of image-text pairs on cached features, beside the same model without reuse and beside BLIP.

    python tools/analysis/benchmark_pairs.py
    python tools/analysis/benchmark_pairs.py --threads 1 --clock cpu

All models run in turns in one process, so that other load on the machine affects them alike. Results are medians;
ratios are medians of the rounds' ratios. Weights are random, images are noise, texts have ``--words`` words.

- ``cached``: images and texts are encoded and prepared; timed is the way from there to the match logit, for every image
  with every text.
- ``early exit``: the same with the cascade: the locator's first level for every text, all levels for an eighth.
- ``without reuse``: each pair by itself, from its pixels and its tokens.
- ``BLIP``: the image-text matching head of mmpretrain's BLIP ViT-B, from the image's tokens and the text's to the
  logits, as ``BlipRetrieval.compute_score_matrix_i2t`` calls it for one image at a time.
"""

import argparse
import re
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from slan_mm.cli.errors import one_line_errors
from slan_mm.cli.options import positive

CONFIGS = ['configs/pretrain/slan_r50_14m.py', 'configs/pretrain/slan_vit-b_14m.py']
#: What a model is timed as: all levels for all pairs, the cascade, each pair by itself.
KINDS = ('cached', 'early exit', 'without reuse')
CLOCKS = {'wall': time.perf_counter, 'cpu': time.process_time}


def parse_options(arguments: list[str] | None = None) -> argparse.Namespace:
    """The command line's options."""
    parser = argparse.ArgumentParser(description='Times the scoring of image-text pairs.')
    parser.add_argument('configs', nargs='*', default=CONFIGS, help='config files of pre-training')
    parser.add_argument('--sizes', nargs='+', type=positive, default=[224, 384], help='sides of the pictures')
    parser.add_argument('--images', type=positive, default=2, help='pictures whose pairs are scored together')
    parser.add_argument('--texts', type=positive, default=8, help='texts that each picture meets')
    parser.add_argument('--words', type=positive, default=30, help='words of a text, without [CLS] and [SEP]')
    parser.add_argument('--rounds', type=positive, default=5, help='times that each rival runs')
    parser.add_argument('--threads', type=positive, help="PyTorch's threads; default: its own choice")
    parser.add_argument('--clock', choices=CLOCKS, default='wall', help='cpu: seconds of CPU, where cores are shared')
    return parser.parse_args(arguments)


if __name__ == '__main__':
    parse_options()  # --help and mistakes are answered before the imports below, which take seconds

import torch
from count_params import load_config, offline_model, table
from measuring import Alternation, Cost, CostMode, alternate, count_flops, matmul_peak, own_flops
from mmengine.hub import get_config
from mmengine.registry import DefaultScope
from mmpretrain.utils import register_all_modules
from torch import Tensor, nn

from slan_mm.applied_config import without_momentum
from slan_mm.malloc import keep_freed_memory
from slan_mm.pair_index import PairIndex
from slan_mm.registry import MODELS
from slan_mm.structures import EXIT_LEVEL

#: Rows of the table of costs, and the modules they are of; the first that fits.
PARTS = {
    'activation maps, saliency, gathering': r'^SelfLocator(\.pooling)?$',
    'region filter': r'^SelfLocator\.filter',
    'attention: keys, values, outputs': r'\.attention\.(region|word)_(key|value|out)$',
    'attention: the rest': r'\.attention(\.dropout)?$',
    'feed-forward layers': r'_ffn(\.|$)',
    'moves': r'\.move(\.|$)',
    'pooling of moved regions': r'\.adaptors\.\d+\.pooling$',
    'embedding of moved regions': r'\.adaptors\.\d+(\.(projection|box_embedding).*)?$',
    'norms': r'norm$',
    'ITM head': r'^ITMHead',
    'anything else': '',
}


@dataclass
class Rival:
    """Something that scores pairs: ``run`` scores ``pairs`` of them."""

    run: Callable[[], Tensor]
    pairs: int


def build_slan(config: str, num_words: int) -> nn.Module:
    """The model of a config file with random weights, in evaluation mode, without momentum encoders."""
    model = without_momentum(offline_model(load_config(config)))
    model.text.encoder.max_words = max(model.text.encoder.max_words, num_words + 2)
    return MODELS.build(model).eval()


def slan_rivals(model: nn.Module, size: int, options: argparse.Namespace) -> tuple[Rival, Rival, Rival]:
    """The model on cached features of all images and texts, the same with an early exit, and without reuse, one pair at
    a time."""
    texts = [' '.join(['red'] * options.words)] * options.texts
    pictures = torch.randn(options.images, 3, size, size)
    image = model.prepare_images(model.encode_image(pictures), many_texts=True)
    text = model.locator.prepare_texts(model.encode_text(texts))
    pairs = PairIndex.all_pairs(options.images, options.texts)

    def alone() -> Tensor:
        return model.itm_scores(model.encode_image(pictures[:1]), model.encode_text(texts[:1]))

    kept = PairIndex.all_pairs(options.images, max(options.texts // 8, 1))

    def early() -> Tensor:
        scores = model.itm_scores(image, text, pairs, EXIT_LEVEL)
        model.itm_scores(image, text, kept)
        return scores

    return Rival(lambda: model.itm_scores(image, text, pairs), len(pairs)), Rival(early, len(pairs)), Rival(alone, 1)


def build_blip(layers: int | None = None) -> tuple[nn.Module, nn.Module]:
    """Text encoder and ITM head of mmpretrain's BLIP ViT-B for retrieval, with random weights; ``layers`` for tests."""
    register_all_modules(init_default_scope=False)
    config = get_config('mmpretrain::blip/blip-base_8xb32_retrieval.py').model
    if layers is not None:
        config.text_backbone.med_config.num_hidden_layers = layers
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        return MODELS.build(config.text_backbone).eval(), MODELS.build(config.multimodal_head).eval()


def blip_rival(encoder: nn.Module, head: nn.Module, size: int, options: argparse.Namespace) -> Rival:
    """BLIP on cached tokens of one image, which meets all texts."""
    image = torch.randn(1, (size // 16) ** 2 + 1, 768)
    ids = torch.randint(1000, 30000, (options.texts, options.words + 2))
    mask = torch.ones_like(ids)

    def run() -> Tensor:
        tokens = image.repeat(options.texts, 1, 1)
        output = encoder(
            ids,
            attention_mask=mask,
            encoder_hidden_states=tokens,
            encoder_attention_mask=torch.ones(tokens.shape[:2], dtype=torch.long),
            return_dict=True,
        )
        return head((output.last_hidden_state[:, 0],))[:, 1]

    return Rival(run, options.texts)


def per_pair(result: Alternation, rivals: dict[str, Rival], name: str) -> float:
    """Median seconds a pair."""
    return result.median(name) / rivals[name].pairs


def ratio(result: Alternation, rivals: dict[str, Rival], slow: str, fast: str) -> str:
    """How many pairs ``fast`` scores while ``slow`` scores one."""
    if slow not in rivals:
        return ''
    return f'{result.ratio(slow, fast) * rivals[fast].pairs / rivals[slow].pairs:.1f}'


def speed_table(result: Alternation, rivals: dict[str, Rival], flops: dict[str, int], peak: float) -> str:
    """Speed of every rival, how often it beats the others of its size, and how much of the peak it uses."""
    columns: dict[str, dict[str, str]] = defaultdict(dict)
    for name, rival in rivals.items():
        seconds = per_pair(result, rivals, name)
        size = name.split(', ')[1]
        kind = name.split(', ')[-1]
        cached = kind in KINDS[:2]
        columns['ms a pair'][name] = f'{1000 * seconds:.1f}'
        columns['pairs/s'][name] = f'{1 / seconds:.2f}'
        columns['x BLIP'][name] = ratio(result, rivals, f'BLIP, {size}', name) if cached else ''
        alone = name.replace(kind, KINDS[2])
        columns['x without reuse'][name] = ratio(result, rivals, alone, name) if cached else ''
        columns['GFLOPs a pair'][name] = f'{flops[name] / rival.pairs / 1e9:.2f}'
        columns['share of peak'][name] = f'{100 * flops[name] / result.median(name) / peak:.0f} %'
    return table(columns)


def cost_table(rival: Rival, peak: float, rounds: int, clock: Callable[[], float]) -> str:
    """Where a rival's time goes: medians over ``rounds`` of the seconds of each part, its operations and bytes."""
    flops: dict[str, int] = defaultdict(int)
    for name, count in own_flops(count_flops(rival.run)).items():
        flops[_part(name)] += count
    measured = [_costs(rival, clock) for _ in range(rounds)]
    parts = [part for part in PARTS if measured[0][part].calls]
    seconds = {part: sorted(costs[part].seconds for costs in measured)[rounds // 2] for part in parts}
    whole = sum(seconds.values())
    columns: dict[str, dict[str, str]] = defaultdict(dict)
    for part in parts:
        columns['ms a pair'][part] = f'{1000 * seconds[part] / rival.pairs:.2f}'
        columns['share'][part] = f'{100 * seconds[part] / whole:.1f} %'
        columns['MFLOPs a pair'][part] = f'{flops[part] / rival.pairs / 1e6:.1f}'
        columns['MB a pair'][part] = f'{measured[0][part].bytes / rival.pairs / 1e6:.2f}'
        columns['share of peak'][part] = f'{100 * flops[part] / seconds[part] / peak:.0f} %'
    moved = sum(measured[0][part].bytes for part in parts)
    last = [1000 * whole / rival.pairs, sum(flops.values()) / rival.pairs / 1e6, moved / rival.pairs / 1e6]
    cells = [f'{last[0]:.2f}', '100 %', f'{last[1]:.1f}', f'{last[2]:.2f}']
    cells.append(f'{100 * sum(flops.values()) / whole / peak:.0f} %')
    for column, cell in zip(columns.values(), cells, strict=True):
        column['all'] = cell
    return table(columns)


def _part(module: str) -> str:
    return next(part for part, pattern in PARTS.items() if re.search(pattern, module))


def _costs(rival: Rival, clock: Callable[[], float]) -> dict[str, Cost]:
    with CostMode(clock) as mode:
        rival.run()
    costs: dict[str, Cost] = defaultdict(Cost)
    for name, cost in mode.costs.items():
        part = costs[_part(name)]
        part.seconds += cost.seconds
        part.bytes += cost.bytes
        part.calls += cost.calls
    return costs


@one_line_errors
@torch.no_grad()
def main() -> None:
    """Prints the tables."""
    options = parse_options()
    if options.threads:
        torch.set_num_threads(options.threads)
    keep_freed_memory()
    clock = CLOCKS[options.clock]
    torch.manual_seed(0)

    rivals: dict[str, Rival] = {}
    for config in options.configs:
        model = build_slan(config, options.words)
        for size in options.sizes:
            name = f'{Path(config).stem}, {size}'
            kinds = [f'{name}, {kind}' for kind in KINDS]
            rivals |= dict(zip(kinds, slan_rivals(model, size, options), strict=True))
    blip = build_blip()
    for size in options.sizes:
        rivals[f'BLIP, {size}'] = blip_rival(*blip, size, options)

    peak = matmul_peak(clock=clock)
    # Counting runs everything once, which serves as the warm-up.
    flops = {name: count_flops(rival.run)['Global'] for name, rival in rivals.items()}
    result = alternate({name: rival.run for name, rival in rivals.items()}, options.rounds, warm_up=0, clock=clock)
    peak = max(peak, matmul_peak(clock=clock))
    print(
        f'{torch.get_num_threads()} threads, {options.clock} clock, {options.images} images x {options.texts} texts of '
        f'{options.words + 2} tokens, medians of {options.rounds} rounds; matrix-product peak {peak / 1e9:.1f} GFLOP/s'
    )
    print(f'\n{speed_table(result, rivals, flops, peak)}', flush=True)
    for name, rival in rivals.items():
        if name.endswith(KINDS[0]):
            print(f'\n{name}\n\n{cost_table(rival, peak, options.rounds, clock)}', flush=True)


if __name__ == '__main__':
    main()
