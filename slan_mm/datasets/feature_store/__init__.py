"""Outputs of frozen encoders on disk, so that they need not run twice. ``tools/cache_features.py`` fills a store."""

from slan_mm.datasets.feature_store.images import (
    ImageStore,
    LoadCachedFeatures,
    StoredLevels,
    StoredPicture,
    is_stored,
    stack_stored,
)
from slan_mm.datasets.feature_store.keys import FeatureStoreError, hash_config, hash_weights, normalisation_of
from slan_mm.datasets.feature_store.layout import PartReader, PartWriter
from slan_mm.datasets.feature_store.texts import TextStore, text_key

__all__ = [
    'FeatureStoreError',
    'ImageStore',
    'LoadCachedFeatures',
    'PartReader',
    'PartWriter',
    'StoredLevels',
    'StoredPicture',
    'TextStore',
    'hash_config',
    'hash_weights',
    'is_stored',
    'normalisation_of',
    'stack_stored',
    'text_key',
]
