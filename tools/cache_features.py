"""Stores the outputs of a config's frozen encoders, so that training and evaluation need not run them again.

    python tools/cache_features.py configs/pretrain/slan_small_flickr8k.py

Images: of every data set of the config whose pipeline has ``LoadCachedFeatures(store=..., transforms=[...])``; each
image is cached once. Texts: all texts of these data sets, if the text encoder is a ``StoredTextEncoder``. An
interrupted run continues. An existing store of the same weights, preprocessing and images is left alone; any other is
made again.
"""

import argparse

from slan_mm.arguments import usable_device, whole
from slan_mm.cli.errors import one_line_errors
from slan_mm.cli.options import add_settings, option, positive
from slan_mm.environment import smoke_asked_for


def parse_options(arguments: list[str] | None = None) -> argparse.Namespace:
    """The command line's options."""
    parser = argparse.ArgumentParser(description="Stores the outputs of a config's frozen encoders.")
    parser.add_argument('config', help='config file')
    add_settings(parser)
    parser.add_argument('--device', help="'cpu' or 'cuda' (default: a GPU if there is one)")
    parser.add_argument('--batch-size', type=positive, help='pictures together (default: 8 on a CPU, else 64)')
    parser.add_argument('--num-workers', type=option(whole(0)), default=2, help='processes that read pictures')
    return parser.parse_args(arguments)


if __name__ == '__main__':
    parse_options()  # --help and mistakes are answered before the imports below, which take seconds

from slan_mm.config import read_config
from slan_mm.engine.smoke import make_smoke_run
from slan_mm.feature_store.filling import fill_stores
from slan_mm.malloc import keep_freed_memory


@one_line_errors
def main(arguments: list[str] | None = None) -> None:
    """Fills every store that the config names."""
    options = parse_options(arguments)
    device = usable_device(options.device)
    keep_freed_memory()
    cfg = read_config(options.config, options.cfg_options)
    if smoke_asked_for():
        make_smoke_run(cfg)
    fill_stores(cfg, device, options.batch_size, options.num_workers)


if __name__ == '__main__':
    main()
