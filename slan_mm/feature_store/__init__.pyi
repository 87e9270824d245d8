from .encoders import StoredImageEncoder, StoredPairImageEncoder, StoredPairTextEncoder, StoredTextEncoder
from .images import (
    ImageStore,
    LoadCachedFeatures,
    StoredLevels,
    StoredPicture,
)
from .keys import FeatureStoreError, hash_config, normalisation_of
from .layout import PartReader, PartWriter, checksum, refuse_other, write_json
from .records import StoredRecord, save_record, write_tensors
from .texts import TextStore, text_key

__all__ = [
    'FeatureStoreError',
    'ImageStore',
    'LoadCachedFeatures',
    'PartReader',
    'PartWriter',
    'StoredImageEncoder',
    'StoredLevels',
    'StoredPairImageEncoder',
    'StoredPairTextEncoder',
    'StoredPicture',
    'StoredRecord',
    'StoredTextEncoder',
    'TextStore',
    'checksum',
    'hash_config',
    'normalisation_of',
    'refuse_other',
    'save_record',
    'text_key',
    'write_json',
    'write_tensors',
]
