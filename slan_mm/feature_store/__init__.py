"""Outputs of frozen encoders on disk, so that they need not run twice. ``tools/cache_features.py`` fills a store."""

from slan_mm.feature_store.images import (
    ImageStore,
    LoadCachedFeatures,
    StoredLevels,
    StoredPicture,
)
from slan_mm.feature_store.keys import FeatureStoreError, hash_config, normalisation_of
from slan_mm.feature_store.layout import PartReader, PartWriter, checksum, refuse_other, write_json
from slan_mm.feature_store.records import StoredRecord, save_record, write_tensors
from slan_mm.feature_store.texts import TextStore, text_key
from slan_mm.weights_file import hash_weights

__all__ = [
    'FeatureStoreError',
    'ImageStore',
    'LoadCachedFeatures',
    'PartReader',
    'PartWriter',
    'StoredLevels',
    'StoredPicture',
    'StoredRecord',
    'TextStore',
    'checksum',
    'hash_config',
    'hash_weights',
    'normalisation_of',
    'refuse_other',
    'save_record',
    'text_key',
    'write_json',
    'write_tensors',
]
