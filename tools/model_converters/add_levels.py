"""Gives a trained SLAN more levels of its image backbone, e.g. one of stride 8, without a change of what it computes.

    python tools/model_converters/add_levels.py configs/pretrain/slan_small-lite2-s8_flickr8k_contrast.py \\
        work_dirs/slan_small-lite2_flickr8k_contrast work_dirs/lite2_s8.pth
    python tools/train.py configs/pretrain/slan_small-lite2-s8_flickr8k_contrast.py

The config names the new levels last in ``image.encoder.out_levels``, and has a norm after each projection
(``norm_cfg``). The scale of a new level's norm begins at zero, so the level adds nothing to V until it has learned. All
other weights are those of the checkpoint.
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
    parser.add_argument('config', help='config of a SLAN whose last levels are new')
    parser.add_argument('checkpoint', help='checkpoint of the same SLAN without these levels')
    parser.add_argument('out', type=option(out_file), help='file to write, a checkpoint of the whole model')
    return parser.parse_args(arguments)


if __name__ == '__main__':
    parse_options()  # --help and mistakes are answered before the imports below, which take seconds

import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from torch import Tensor, nn

from slan_mm.atomic_files import replaced_atomically
from slan_mm.engine.checkpoint_io import find_checkpoint
from slan_mm.models.image.backbone_weights import read_state_dict
from slan_mm.registry import MODELS

ENCODER = 'image_branch.encoder.'


def add_levels(model: nn.Module, trained: dict[str, Tensor]) -> list[str]:
    """Loads ``trained`` into ``model``, whose image encoder has more levels; returns the names of the new tensors.

    Raises:
        ValueError: ``trained`` lacks no level, or a new level has no norm. Anything else that does not fit is refused
            as everywhere (``refuse_other_architecture``).
    """
    encoder = model.image_branch.encoder
    new = []
    for level, norm in enumerate(encoder.norms):
        parts = (f'{ENCODER}projections.{level}.', f'{ENCODER}norms.{level}.')
        if f'{parts[0]}weight' in trained:
            continue
        if getattr(norm, 'weight', None) is None:
            raise ValueError(
                f'level {level} of image.encoder has no norm whose scale could begin at zero: set norm_cfg'
            )
        nn.init.zeros_(norm.weight)
        nn.init.zeros_(norm.bias)
        new += [name for name in model.state_dict() if name.startswith(parts)]
    if not new:
        raise ValueError(
            f'the checkpoint has all {len(encoder.norms)} levels of this config: name the new one last in '
            'image.encoder.out_levels'
        )
    own = model.state_dict()
    model.load_state_dict({**trained, **{name: own[name] for name in new}}, strict=False)
    return new


@one_line_errors
def main() -> None:
    """Reads config and checkpoint, and writes the grown model."""
    options = parse_options()
    cfg = Config.fromfile(options.config)
    init_default_scope(cfg.get('default_scope', 'slan_mm'))
    torch.manual_seed(0)
    model = MODELS.build(cfg.model)
    new = add_levels(model, read_state_dict(find_checkpoint(options.checkpoint)))
    Path(options.out).parent.mkdir(parents=True, exist_ok=True)
    with replaced_atomically(options.out) as temporary:
        torch.save({'meta': {}, 'state_dict': model.state_dict()}, temporary)
    print('new: ' + ', '.join(new), f'written: {options.out}', sep='\n')


if __name__ == '__main__':
    main()
