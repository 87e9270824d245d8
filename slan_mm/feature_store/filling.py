"""Fills every store that a config names."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from mmengine.logging import MMLogger
from mmengine.registry import init_default_scope

from slan_mm.feature_store.caching import cache_images, cache_texts
from slan_mm.feature_store.sources import stored_datasets
from slan_mm.registry import MODELS


def fill_stores(cfg: Any, device: str, batch_size: int | None = None, num_workers: int = 2) -> None:
    """Runs the frozen encoders of ``cfg`` on what its stores lack; nothing where they are complete.

    Images: of every data set whose pipeline has ``LoadCachedFeatures``, each once. Texts: all of these data sets, if
    the text encoder is a ``StoredTextEncoder``.

    Args:
        cfg: the config of a run.
        device: where the encoders run.
        batch_size: pictures together; None: 8 on a CPU, where memory for large batches costs more time than it saves,
            else 64.
        num_workers: processes that read pictures.

    Raises:
        ValueError: the config reads from no store, or an encoder is not frozen or reads from none.
        FeatureStoreError: see :func:`cache_images`.
        FolderInUseError: another process is filling a store.
    """
    init_default_scope(cfg.get('default_scope', 'slan_mm'))
    batch_size = batch_size or (8 if device == 'cpu' else 64)
    stores = stored_datasets(cfg)
    text_store = cfg.model['text']['encoder'].get('store')
    if not stores:
        raise ValueError(f'No data set of {cfg.filename} reads from a store: no pipeline has LoadCachedFeatures.')
    folder = Path(next(iter(stores)))
    folder.mkdir(parents=True, exist_ok=True)
    # With a file MMEngine writes its list of initialised parameters there and not to the console.
    logger = MMLogger.get_instance('cache_features', log_file=str(folder / 'cache.log'))
    start = time.monotonic()
    image_encoder = _build_encoder(cfg, 'image', device)
    preprocessor = MODELS.build(cfg.model.get('data_preprocessor') or {'type': 'PairDataPreprocessor'})
    preprocessor = preprocessor.to(device)
    for store, datasets in stores.items():
        count = cache_images(image_encoder, preprocessor, datasets, store, batch_size, num_workers)
        logger.info(f'{count} pictures in {store}/images')
    if text_store:
        encoder = _build_encoder(cfg, 'text', device)
        every = [dataset for datasets in stores.values() for dataset in datasets]
        count = cache_texts(encoder, every, text_store, 4 * batch_size)
        logger.info(f'{count} texts in {text_store}/texts')
    logger.info(f'Done in {(time.monotonic() - start) / 60:.1f} minutes.')


def _build_encoder(cfg: Any, branch: str, device: str) -> Any:
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
