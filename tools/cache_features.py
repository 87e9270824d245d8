"""Stores the outputs of a config's frozen encoders, so that training and evaluation need not run them again.

    python tools/cache_features.py configs/pretrain/slan_small_flickr8k.py

Images: of every data set of the config whose pipeline has ``LoadCachedFeatures(store=..., transforms=[...])``; each
image is cached once. Texts: all texts of these data sets, if the text encoder is a ``StoredTextEncoder``. An
interrupted run continues. An existing store of the same weights, preprocessing and images is left alone; any other is
made again.
"""

import argparse
import time
from pathlib import Path
from typing import Any

from slan_mm.arguments import usable_device, whole
from slan_mm.cli.errors import one_line_errors
from slan_mm.cli.options import add_settings, option, positive
from slan_mm.environment import smoke_asked_for


def parse_options(arguments: list[str] | None = None) -> argparse.Namespace:
    """The command line's options."""
    parser = argparse.ArgumentParser(description="Stores the outputs of a config's frozen encoders.")
    parser.add_argument('config', help='config file')
    add_settings(parser)
    parser.add_argument('--device', help="'cpu' or 'cuda' (default: a GPU where there is one)")
    # Small batches on a CPU: there, memory for large ones costs more time than it saves.
    parser.add_argument('--batch-size', type=positive, help='pictures together (default: 8 on a CPU, else 64)')
    parser.add_argument('--num-workers', type=option(whole(0)), default=2, help='processes that read pictures')
    return parser.parse_args(arguments)


if __name__ == '__main__':
    parse_options()  # --help and mistakes are answered before the imports below, which take seconds

import torch
from mmengine.logging import MMLogger
from mmengine.registry import init_default_scope

from slan_mm.config import read_config
from slan_mm.engine.malloc import keep_freed_memory
from slan_mm.engine.smoke import make_smoke_run
from slan_mm.feature_store.caching import cache_images, cache_texts
from slan_mm.feature_store.sources import stored_datasets
from slan_mm.registry import MODELS


def build_encoder(cfg: Any, branch: str, device: str) -> torch.nn.Module:
    """The 'image' or 'text' encoder of a config, initialised, in evaluation mode.

    Raises:
        ValueError: it is not frozen, or reads from no store.
    """
    encoder_cfg = cfg.model[branch]['encoder']
    if not encoder_cfg.get('frozen'):
        raise ValueError(
            f'model.{branch}.encoder is not frozen: its output would change in training. Set its frozen=True.'
        )
    encoder = MODELS.build({'embed_dims': cfg.model.get('embed_dims', 768), **encoder_cfg})
    if not hasattr(encoder, 'store_header'):
        raise ValueError(
            f'model.{branch}.encoder has the type {type(encoder).__name__}, which reads from no store: set its '
            f"type='Stored{branch.title()}Encoder'."
        )
    encoder.init_weights()
    return encoder.to(device).eval()


@one_line_errors
def main(arguments: list[str] | None = None) -> None:
    """Fills every store that the config names."""
    options = parse_options(arguments)
    device = usable_device(options.device)
    batch_size = options.batch_size or (8 if device == 'cpu' else 64)
    keep_freed_memory()
    cfg = read_config(options.config, options.cfg_options)
    if smoke_asked_for():
        make_smoke_run(cfg)
    init_default_scope(cfg.get('default_scope', 'slan_mm'))
    stores = stored_datasets(cfg)
    text_store = cfg.model['text']['encoder'].get('store')
    if not stores:
        raise ValueError(f'No data set of {options.config} reads from a store: no pipeline has LoadCachedFeatures.')
    folder = Path(next(iter(stores)))
    folder.mkdir(parents=True, exist_ok=True)
    # With a file MMEngine writes its list of initialised parameters there and not to the console.
    logger = MMLogger.get_instance('cache_features', log_file=str(folder / 'cache.log'))
    start = time.monotonic()
    image_encoder = build_encoder(cfg, 'image', device)
    preprocessor = MODELS.build(cfg.model.get('data_preprocessor') or {'type': 'PairDataPreprocessor'})
    preprocessor = preprocessor.to(device)
    for store, datasets in stores.items():
        count = cache_images(image_encoder, preprocessor, datasets, store, batch_size, options.num_workers)
        logger.info(f'{count} pictures in {store}/images')
    if text_store:
        encoder = build_encoder(cfg, 'text', device)
        every = [dataset for datasets in stores.values() for dataset in datasets]
        count = cache_texts(encoder, every, text_store, 4 * batch_size)
        logger.info(f'{count} texts in {text_store}/texts')
    logger.info(f'Done in {(time.monotonic() - start) / 60:.1f} minutes.')


if __name__ == '__main__':
    main()
