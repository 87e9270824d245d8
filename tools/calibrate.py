"""Teaches a trained model to say that a thing is not there, from captions of held-out pictures alone.

    python tools/calibrate.py CONFIG CHECKPOINT --out work_dirs/NAME

Asks each phrase of the val captions of its own picture and of one that does not name it, fits a probability, and writes
the folder of a model whose answers have it. No box is needed. Then ``tools/infer.py grounding work_dirs/NAME PICTURE
--text '...' --score-thr 0.5`` gives no box for what is probably not there.
"""

import argparse

from slan_mm.arguments import out_folder
from slan_mm.cli.errors import one_line_errors
from slan_mm.cli.options import ModelParser, add_model, add_settings, option


def parse_options(arguments: list[str] | None = None) -> argparse.Namespace:
    """The command line's options."""
    parser = ModelParser(description='Teaches a trained model to say that a thing is not there.')
    add_model(parser)
    parser.add_argument('--out', type=option(out_folder), required=True, help='folder to write the model into')
    parser.add_argument('--device', help="'cpu' or 'cuda' (default: a GPU if there is one)")
    add_settings(parser)
    return parser.parse_args(arguments)


if __name__ == '__main__':
    parse_options()  # --help and mistakes are answered before the imports below, which take seconds

from mmengine.runner import Runner

from slan_mm.apis import init_model
from slan_mm.applied_config import without_cached_pictures
from slan_mm.config import read_config
from slan_mm.evaluation.presence import calibrate_presence


@one_line_errors
def main(arguments: list[str] | None = None) -> None:
    """Fits the model's ``presence`` and writes its folder."""
    options = parse_options(arguments)
    cfg = read_config(options.config, {**options.cfg_options, 'model.presence': {}})
    loader = (cfg.get('val_dataloader') or cfg.test_dataloader).get('retrieval')
    if loader is None:
        raise ValueError(
            f'{options.config} has no val_dataloader of the task retrieval: there are no held-out captions'
        )
    loader.dataset = without_cached_pictures(loader.dataset)
    model = init_model(cfg, options.checkpoint, options.device)
    for name, value in calibrate_presence(model, Runner.build_dataloader(loader)).items():
        print(f'{name} {value:.4g}')
    model.save_pretrained(options.out)
    print(f'{options.out}: the model, with this probability')


if __name__ == '__main__':
    main()
