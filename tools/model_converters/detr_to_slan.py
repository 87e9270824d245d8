"""Puts the weights of a mmdet DETR, trained on COCO, into SLAN's image encoder and detector (Table 9).

    python tools/model_converters/detr_to_slan.py configs/pretrain/slan_r50_14m_detr.py DETR.pth work_dirs/slan_detr.pth
    python tools/train.py configs/pretrain/slan_r50_14m_detr.py --cfg-options load_from=work_dirs/slan_detr.pth

It works for any config of SLAN whose backbone and transformer are DETR's: for the published ones a ResNet-50 and 6 + 6
layers of width 256, 8 heads, 2,048 feed-forward channels. The result is a checkpoint of the whole model; what DETR does
not have stays as the config initialises it. Every tensor of DETR is reported as

- used: taken as it is;
- resized: into a larger or smaller one. The neck's projection to DETR's width becomes the first channels of V (and the
  detector's own projection picks these); with another number of queries, the first ones are taken;
- left: SLAN has no such part. That is the class head, which saliency replaces.

With the same number of queries, SLAN's detector then proposes the boxes of DETR, up to clipping (and up to half a cell
where the config resamples V to where its cells look, ``cell_centres``).
"""

from __future__ import annotations

import argparse
from pathlib import Path

from slan_mm.arguments import out_file
from slan_mm.cli.errors import one_line_errors
from slan_mm.cli.options import option


def parse_options(arguments: list[str] | None = None) -> argparse.Namespace:
    """The command line's options."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('config', help='config of a SLAN model')
    parser.add_argument('checkpoint', help='checkpoint of a mmdet DETR (.pth)')
    parser.add_argument('out', type=option(out_file), help='file to write, a checkpoint of the whole model')
    return parser.parse_args(arguments)


if __name__ == '__main__':
    parse_options()  # --help and mistakes are answered before the imports below, which take seconds

import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from torch import Tensor, nn

from slan_mm.atomic_files import replaced_atomically
from slan_mm.models.image.backbone_weights import read_state_dict
from slan_mm.registry import MODELS

DETECTOR = 'image_branch.detector.'
#: Prefixes of DETR's names and what stands for them in SLAN.
RENAMED = {
    'backbone.': 'image_branch.encoder.backbone.',
    'encoder.': f'{DETECTOR}encoder.',
    'decoder.': f'{DETECTOR}decoder.',
    'query_embedding.': f'{DETECTOR}query_embedding.',
    'bbox_head.reg_ffn.layers.0.0.': f'{DETECTOR}box_head.layers.0.',
    'bbox_head.reg_ffn.layers.1.': f'{DETECTOR}box_head.layers.1.',
    'bbox_head.fc_reg.': f'{DETECTOR}box_head.layers.2.',
}
NECK = 'neck.convs.0.conv.'
PROJECTION = 'image_branch.encoder.projections.0.'
#: Without these a checkpoint is no DETR of mmdet 3.
NEEDED = (f'{NECK}weight', 'query_embedding.weight', 'bbox_head.fc_reg.weight', 'decoder.post_norm.weight')


def _target(name: str) -> str | None:
    """SLAN's name of DETR's tensor ``name``."""
    return next((new + name[len(old) :] for old, new in RENAMED.items() if name.startswith(old)), None)


def convert(model: nn.Module, detr: dict[str, Tensor]) -> dict[str, list[str]]:
    """Loads the tensors of ``detr`` into ``model``.

    Returns a report: lists of lines under 'used', 'resized', 'left', and 'kept', SLAN's own tensors in the encoder and
    the detector to which DETR had nothing to give.

    Raises:
        ValueError: ``detr`` is no DETR of mmdet 3, or its backbone or transformer is of another size than the model's.
    """
    lacking = [name for name in NEEDED if name not in detr]
    if lacking:
        old = any(name.startswith('bbox_head.transformer.') for name in detr)
        hint = 'It is of mmdet 2: take the file that mmdet 3 publishes.' if old else f'It has {sorted(detr)[:3]}...'
        raise ValueError(f'the checkpoint is no DETR of mmdet 3: it lacks {lacking}. {hint}')
    own = model.state_dict()
    new: dict[str, Tensor] = {}
    report: dict[str, list[str]] = {'used': [], 'resized': [], 'left': [], 'kept': []}
    wrong: list[str] = []
    for name, value in detr.items():
        target = _target(name)
        if name.startswith(NECK):
            continue
        if target not in own:
            report['left'].append(f'{name} {tuple(value.shape)}')
        elif own[target].shape == value.shape:
            new[target] = value
            report['used'].append(f'{name} -> {target}')
        elif name == 'query_embedding.weight' and own[target].shape[1] == value.shape[1]:
            new[target] = _first(own[target], value)
            report['resized'].append(f'{name} {tuple(value.shape)} -> {target} {tuple(own[target].shape)}')
        else:
            wrong.append(f'{name} {tuple(value.shape)} for {tuple(own[target].shape)}')
    wrong += _lost_layers(report['left'])
    if wrong:
        raise ValueError(
            f'the DETR and the config are of different architectures, {len(wrong)} tensors do not fit, e.g. '
            f'{"; ".join(wrong[:3])}. Set backbone, width, num_encoder_layers, num_decoder_layers, num_heads and '
            'feedforward_channels of image.detector to those of the DETR.'
        )
    _project(own, detr, new, report)
    reference = f'{DETECTOR}reference'
    if reference in own:
        # DETR's boxes are offsets from nothing: sigmoid(delta + 0).
        new[reference] = torch.zeros_like(own[reference])
    parts = ('image_branch.encoder.', DETECTOR)
    report['kept'] = [f'{name} {tuple(own[name].shape)}' for name in own if name.startswith(parts) and name not in new]
    model.load_state_dict({**own, **new})
    return report


def _lost_layers(left: list[str]) -> list[str]:
    """What must not be left: deeper layers, and the box head (``learn_boxes=False``): the rest makes no sense then."""
    return [line + ' (no such layer)' for line in left if line.startswith(tuple(RENAMED))]


def _first(own: Tensor, value: Tensor) -> Tensor:
    """``own`` with as many of its first rows as ``value`` has taken from there."""
    count = min(len(own), len(value))
    return torch.cat([value[:count].to(own.dtype), own[count:]])


def _project(own: dict, detr: dict, new: dict, report: dict[str, list[str]]) -> None:
    """The neck's projection: into the first channels of V, of which the detector's own projection picks these."""
    weight, bias = detr[f'{NECK}weight'], detr[f'{NECK}bias']
    inner = f'{DETECTOR}projection.weight'
    width, channels = weight.shape[:2]
    target = own[f'{PROJECTION}weight']
    if target.shape[1] != channels or target.shape[0] < width:
        raise ValueError(
            f'{NECK}weight {tuple(weight.shape)} does not fit {PROJECTION}weight {tuple(target.shape)}: image.encoder '
            "is to make V of the backbone's last level alone, at least as wide as DETR"
        )
    for name, value in ((f'{NECK}weight', weight), (f'{NECK}bias', bias)):
        place = PROJECTION + name.removeprefix(NECK)
        new[place] = _first(own[place], value)
        kind = 'used' if new[place].shape == value.shape else 'resized'
        report[kind].append(f'{name} {tuple(value.shape)} -> {place} {tuple(new[place].shape)}')
    if inner in own:
        pick = torch.zeros_like(own[inner])
        pick[range(width), range(width)] = 1
        new |= {inner: pick, f'{DETECTOR}projection.bias': torch.zeros(width)}


@one_line_errors
def main() -> None:
    """Reads config and checkpoint, converts, prints the report."""
    options = parse_options()
    cfg = Config.fromfile(options.config)
    init_default_scope(cfg.get('default_scope', 'slan_mm'))
    torch.manual_seed(0)
    model = MODELS.build(cfg.model)
    model.init_weights()
    report = convert(model, read_state_dict(options.checkpoint))
    for kind, lines in report.items():
        print(f'{kind}: {len(lines)}', *(f'  {line}' for line in lines), sep='\n')
    Path(options.out).parent.mkdir(parents=True, exist_ok=True)
    with replaced_atomically(options.out) as temporary:
        torch.save({'meta': {'detr': Path(options.checkpoint).name}, 'state_dict': model.state_dict()}, temporary)
    print(f'written: {options.out}')


if __name__ == '__main__':
    main()
