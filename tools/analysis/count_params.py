"""Counts the parameters of models, part by part, beside the paper's numbers (Table 4), without weights or data.

    python tools/analysis/count_params.py configs/pretrain/slan_*_14m.py

The models are built on PyTorch's meta device, so a full-size one takes seconds and no memory. The copies of momentum
encoders have a row of their own and are not counted. Operations are those of ``get_flops.py``.
"""

import argparse
import json
from pathlib import Path

from slan_mm.cli.errors import one_line_errors
from slan_mm.cli.options import add_settings


def parse_options(arguments: list[str] | None = None) -> argparse.Namespace:
    """The command line's options."""
    parser = argparse.ArgumentParser(description='Counts the parameters of models.')
    parser.add_argument('configs', nargs='+', help='config files')
    add_settings(parser)
    return parser.parse_args(arguments)


if __name__ == '__main__':
    parse_options()  # --help and mistakes are answered before the imports below, which take seconds

import torch
from mmengine.config import Config, ConfigDict
from mmengine.registry import init_default_scope
from torch import nn

from slan_mm.applied_config import without_feature_stores
from slan_mm.config import read_config
from slan_mm.registry import MODELS

#: Millions of parameters in Table 4, by name of the config.
PAPER = {'slan_r50_14m': 322, 'slan_vit-b_14m': 383, 'slan_vit-l_14m': 601, 'slan_vit-h_14m': 929}
NOT_COUNTED = 'momentum copies (not counted)'
#: Rows of the table; a part counts what no part before it has counted.
PARTS = {
    NOT_COUNTED: 'objective.momentum',
    'image backbone': 'image_branch.encoder.backbone',
    'vision decoder': 'image_branch.decoder',
    'detector (DETR)': 'image_branch.detector',
    'image projections': 'image_branch',
    'text encoder (BERT)': 'text_branch.encoder.backbone',
    'text projections': 'text_branch',
    'region filter and adaptors': 'locator',
    'ITM, LM and ITC heads': 'objective',
}


def offline_model(cfg: Config) -> ConfigDict:
    """The model's config with random weights and a generated tokenizer in place of what lies on disk or on the hub.

    Raises:
        ValueError: The text encoder's architecture is not known without fetching it.
    """
    model = without_feature_stores(cfg.model)
    encoder = model.text.encoder
    if isinstance(encoder.model, str):
        file = Path(encoder.model) / 'config.json'
        if file.is_file():
            encoder.model = json.loads(file.read_text())
        elif Path(encoder.model).name == 'bert-base-uncased':
            encoder.model = dict(vocab_size=30522)  # all else is BertConfig's default
        else:
            raise ValueError(f'text encoder {encoder.model!r}: no such folder with a config.json, nor BERT-base')
    encoder.tokenizer = dict(type='ShapesTokenizer')
    model.image.encoder.pop('backbone_checkpoint', None)
    return model


def count_parameters(model: nn.Module) -> dict[str, int]:
    """Parameters of each of ``PARTS`` that ``model`` has, and ``total``, which is without the momentum copies."""
    seen: set[int] = set()
    counts = {}
    modules = dict(model.named_modules())
    for name, path in PARTS.items():
        parameters = [p for p in modules[path].parameters() if id(p) not in seen] if path in modules else []
        seen.update(map(id, parameters))
        counts[name] = sum(p.numel() for p in parameters)
    counts['total'] = sum(p.numel() for p in model.parameters()) - counts[NOT_COUNTED]
    return counts


def count_config(config: str, options: dict | None = None) -> dict[str, int]:
    """:func:`count_parameters` of a config file, with settings overridden by ``options``."""
    cfg = load_config(config, options)
    with torch.device('meta'):
        return count_parameters(MODELS.build(offline_model(cfg)))


def table(columns: dict[str, dict[str, str]]) -> str:
    """A Markdown table of cells by column and row."""
    rows = list(next(iter(columns.values())))
    lines = [['', *columns], *([row, *(cells[row] for cells in columns.values())] for row in rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    text = [f'| {line[0]:<{widths[0]}} | ' + ' | '.join(map(str.rjust, line[1:], widths[1:])) + ' |' for line in lines]
    rule = f'| {"-" * widths[0]} | ' + ' | '.join('-' * (width - 1) + ':' for width in widths[1:]) + ' |'
    return '\n'.join([text[0], rule, *text[1:]])


def load_config(config: str, options: dict | None = None) -> Config:
    """A config file with settings overridden by ``options``; its default scope takes effect."""
    cfg = read_config(config, options)
    init_default_scope(cfg.get('default_scope', 'slan_mm'))
    return cfg


@one_line_errors
def main() -> None:
    """Prints the table."""
    options = parse_options()
    columns = {}
    for config in options.configs:
        name = Path(config).stem
        counts = count_config(config, options.cfg_options)
        cells = {part: f'{count / 1e6:.2f}' for part, count in counts.items() if part != NOT_COUNTED}
        paper = PAPER.get(name)
        cells['paper'] = str(paper) if paper else '-'
        cells['difference'] = f'{100 * (counts["total"] / 1e6 / paper - 1):+.2f} %' if paper else '-'
        cells[NOT_COUNTED] = f'{counts[NOT_COUNTED] / 1e6:.2f}'
        columns[name] = cells
    print('Millions of parameters:\n')
    print(table(columns))


if __name__ == '__main__':
    main()
