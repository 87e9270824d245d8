"""What a protocol line calls a data set."""

from typing import Any


def dataset_title(dataset: Any) -> str:
    """Name, annotation file and split of a data set, as far as it tells them.

    The name is its ``metainfo['dataset_name']`` or its class; the file its ``ann_file``; the split
    ``metainfo['split']`` or its attribute ``split``.
    """
    meta = getattr(dataset, 'metainfo', None) or {}
    parts = [
        meta.get('dataset_name') or type(dataset).__name__,
        getattr(dataset, 'ann_file', None),
        meta.get('split') or getattr(dataset, 'split', None),
    ]
    return ' '.join(str(part) for part in parts if part)
