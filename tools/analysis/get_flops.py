"""Counts the floating-point operations of whole models: per image, per text and per pair, module by module.

    python tools/analysis/get_flops.py configs/pretrain/slan_r50_14m.py --shape 384 384
    python tools/analysis/get_flops.py configs/pretrain/slan_*_14m.py --depth 1
    python tools/analysis/get_flops.py configs/pretrain/slan_r50_14m.py --blip configs/pretrain/slan_vit-b_14m.py

Per image counts all from the pixels to what every text shares; per text all from the tokens to what every image shares;
per pair the rest, up to the match logit. One image with one text costs the sum of the three. A multiply-add is two
operations. Matrix products, convolutions and attention are counted, elementwise operations are not. ``--blip`` counts
mmpretrain's BLIP for retrieval, with the backbone and BERT of a config, in the same way.

Only shapes go through the model, so a full-size one takes seconds.
"""

import argparse
from collections import defaultdict
from pathlib import Path
from typing import Any

from slan_mm.cli.errors import one_line_errors
from slan_mm.cli.options import add_settings, positive


def parse_options(arguments: list[str] | None = None) -> argparse.Namespace:
    """The command line's options."""
    parser = argparse.ArgumentParser(description='Counts the operations of whole models.')
    parser.add_argument('configs', nargs='+', help='config files of models with an ITM head, i.e. of pre-training')
    parser.add_argument(
        '--shape', nargs=2, type=positive, default=(384, 384), metavar=('H', 'W'), help='of the picture'
    )
    parser.add_argument('--words', type=positive, default=30, help='words of the text')
    parser.add_argument('--blip', metavar='CONFIG', help='also count BLIP with the backbone and BERT of this config')
    parser.add_argument('--depth', type=positive, default=2, help='how deep the tables go into the modules')
    add_settings(parser)
    return parser.parse_args(arguments)


if __name__ == '__main__':
    parse_options()  # --help and mistakes are answered before the imports below, which take seconds

import torch
from blip_retrieval import build_blip_retrieval
from count_params import load_config, offline_model, table
from measuring import count_flops, own_flops
from torch._subclasses.fake_tensor import FakeTensorMode

from slan_mm.applied_config import without_momentum
from slan_mm.models.base import BaseSLAN
from slan_mm.pair_index import PairIndex
from slan_mm.registry import MODELS

#: GFLOPs in Table 7, of a 384 x 384 picture, by name of the config.
PAPER = {'slan_r50_14m': 324}
STAGES = ('per image', 'per text', 'per pair')
#: Operations by stage and module.
Flops = dict[str, dict[str, int]]


def model_flops(model: BaseSLAN, shape: tuple[int, int], num_words: int = 30) -> Flops:
    """Operations of one picture (height, width), one text of ``num_words`` words and their pair.

    Each module's are its own, without its children's; names start with the model's attribute, e.g.
    ``image_branch.encoder.backbone``. What no module but the locator does before the first exchange is
    ``locator.prepare``.
    """
    known: dict[str, Any] = {}
    steps = {
        'per image': lambda: known.update(image=model.encode_image(torch.zeros(1, 3, *shape))),
        'per text': lambda: known.update(text=model.encode_text([' '.join(['red'] * num_words)])),
    }
    first = {
        'per image': lambda: known.update(image=model.locator.prepare_images(known['image'])),
        'per text': lambda: known.update(text=model.locator.prepare_texts(known['text'])),
    }
    roots = {type(module).__name__: name for name, module in model.named_children()}
    roots[type(model.objective.itm_head).__name__] = 'objective.itm_head'
    result: Flops = {}
    for stage, step in steps.items():
        result[stage] = _named(count_flops(step), roots)
    for stage, step in first.items():
        result[stage]['locator.prepare'] = count_flops(step)['Global']
    pairs = PairIndex.all_pairs(1, 1)
    result['per pair'] = _named(count_flops(lambda: model.itm_scores(known['image'], known['text'], pairs)), roots)
    return result


def _named(counts: dict[str, int], roots: dict[str, str]) -> dict[str, int]:
    named = {}
    for name, flops in own_flops(counts).items():
        root, *rest = name.split('.')
        named['.'.join([roots.get(root, root), *rest])] = flops
    return named


def flops_model(config: str, num_words: int, options: dict | None = None) -> BaseSLAN:
    """The model of a config file as it is counted: random weights, no momentum encoders, evaluation mode."""
    model = without_momentum(offline_model(load_config(config, options)))
    # Transformers looks into the values of masks, which shapes alone do not have, before it calls fused attention.
    model.text.encoder.attn_implementation = 'eager'
    model.text.encoder.max_words = max(model.text.encoder.max_words, num_words + 2)
    return MODELS.build(model).eval()


def config_flops(config: str, shape: tuple[int, int], num_words: int = 30, options: dict | None = None) -> Flops:
    """:func:`model_flops` of a config file, with settings overridden by ``options``; no numbers are computed."""
    with FakeTensorMode():
        return model_flops(flops_model(config, num_words, options), shape, num_words)


def blip_flops(config: str, shape: tuple[int, int], num_words: int = 30) -> Flops:
    """As :func:`config_flops`, of BLIP with the backbone and BERT of a config: ITM reads the image in every layer."""
    tokens = num_words + 2
    # Fake tensors cannot be copied, as momentum encoders are.
    with torch.device('meta'):
        blip = build_blip_retrieval(offline_model(load_config(config)), tokens).eval()
        ids, known = torch.ones(1, tokens, dtype=torch.long), {}
        text = dict(input_ids=ids, attention_mask=torch.ones_like(ids), return_dict=True)

        def see() -> None:
            known.update(image=blip.vision_backbone(torch.zeros(1, 3, *shape))[-1])
            blip.vision_neck(known['image'][:, 0])

        def read() -> None:
            blip.text_neck(blip.text_backbone(**text, mode='text').last_hidden_state[:, 0])

        def match() -> None:
            seen = dict(
                encoder_hidden_states=known['image'],
                encoder_attention_mask=torch.ones(known['image'].shape[:2], dtype=torch.long),
            )
            blip.multimodal_head((blip.text_backbone(**text, **seen).last_hidden_state[:, 0],))

        steps = dict(zip(STAGES, (see, read, match), strict=True))
        return {stage: {'BLIP': count_flops(step)['Global']} for stage, step in steps.items()}


def total(flops: Flops) -> dict[str, int]:
    """Operations of each stage."""
    return {stage: sum(flops[stage].values()) for stage in STAGES}


def by_module(flops: Flops, depth: int) -> dict[str, dict[str, str]]:
    """GFLOPs by column (stage) and row (modules down to ``depth`` below the model's attributes)."""
    rows: dict[str, dict[str, int]] = defaultdict(lambda: dict.fromkeys(STAGES, 0))
    for stage in STAGES:
        for name, count in flops[stage].items():
            rows['.'.join(name.split('.')[: depth + 1])][stage] += count
    rows = {name: row for name, row in rows.items() if any(row.values())}
    rows['total'] = total(flops)
    return {
        stage: {name: f'{row[stage] / 1e9:.3f}' if row[stage] else '' for name, row in rows.items()} for stage in STAGES
    }


def column(stages: dict[str, int], beside: dict[str, int] | None) -> dict[str, str]:
    """The cells of a model by row; ``beside``: BLIP's operations, if the model's are to be divided by them."""
    cells = {stage: f'{count / 1e9:.2f}' for stage, count in stages.items()}
    cells['one image with one text'] = f'{sum(stages.values()) / 1e9:.1f}'
    if beside:
        cells['times BLIP'] = f'{sum(stages.values()) / sum(beside.values()):.2f}'
    return cells


@one_line_errors
def main() -> None:
    """Prints a table a config, and one of all beside the paper's."""
    options = parse_options()
    height, width = options.shape
    print(f'GFLOPs of a {height} x {width} picture and a text of {options.words} words:')
    totals, beside = {}, None
    if options.blip:
        beside = total(blip_flops(options.blip, (height, width), options.words))
    for config in options.configs:
        name = Path(config).stem
        flops = config_flops(config, (height, width), options.words, options.cfg_options)
        print(f'\n{name}\n\n{table(by_module(flops, options.depth))}')
        stages = total(flops)
        totals[name] = column(stages, beside)
        totals[name]['paper, at 384 x 384'] = str(PAPER.get(name, '-'))
    if beside:
        totals['BLIP'] = column(beside, beside) | {'paper, at 384 x 384': '-'}
    print(f'\nAll\n\n{table(totals)}')


if __name__ == '__main__':
    main()
