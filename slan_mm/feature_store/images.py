"""Stored levels of a frozen image encoder, in place of the pictures.

On disk (see ``layout.py``): ``level0.bin``, ... (N, C_l, H_l, W_l) half precision, one file a level; ``shapes.bin``
(N, 4) original and input (height, width), -1 for a picture that could not be read; ``bytes.bin`` (N,) size of the
picture's file, -1 where it has none; ``crc32.bin`` (N,) of these.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import NoReturn

import numpy as np
import torch
from mmcv.transforms import BaseTransform
from mmengine.model import BaseDataPreprocessor
from torch import Tensor

from slan_mm.datasets.image_size import set_original_shape
from slan_mm.datasets.pictures import file_state
from slan_mm.datasets.unreadable import UnreadableImageError
from slan_mm.feature_store.keys import FeatureStoreError, hash_config, normalisation_of
from slan_mm.feature_store.layout import PartReader, row_checksum
from slan_mm.registry import TRANSFORMS
from slan_mm.structures import Batched

#: The entries of the header that a store is refused by, in words.
WHAT = {
    'weights': 'weights of the image encoder',
    'encoder': 'config of the image encoder (backbone, out_levels)',
    'preprocessing': 'preprocessing (the transforms of the pictures)',
    'normalisation': 'normalisation (mean and std of the data preprocessor)',
}


@dataclass
class StoredPicture:
    """What an item has as ``inputs`` in place of a picture.

    - ``levels``: (C_l, H_l, W_l) half-precision maps, one for each of the encoder's ``out_levels``.
    - ``store``: folder of the store they come from.
    """

    levels: list[Tensor]
    store: str

    @staticmethod
    def collate(items: Sequence, preprocessor: BaseDataPreprocessor) -> StoredLevels:
        """A batch of stored pictures, as a data preprocessor asks for it. They are normalised already.

        Args:
            items: the ``inputs`` of the samples.
            preprocessor: has ``mean`` and ``std``, which the stores' are compared with, and the model's ``device``.

        Raises:
            FeatureStoreError: some samples come from no store, the stores' levels differ in size, or a store was made
                with another mean or std.
        """
        stores = sorted({item.store if isinstance(item, StoredPicture) else '(no store)' for item in items})
        sizes = {tuple(level.shape for level in getattr(item, 'levels', ())) for item in items}
        if len(sizes) != 1:
            raise FeatureStoreError(
                f'A batch mixes pictures and feature stores, or stores of other sizes: {stores}. Give all data sets of '
                'a loader stores of one picture size.'
            )
        own = normalisation_of(preprocessor)
        for store in stores:
            if (made := _normalisation(store)) != own:
                raise FeatureStoreError(
                    f'The feature store {store} was made with other {WHAT["normalisation"]}: {made}; this run has '
                    f'{own}.'
                )
        device = preprocessor.device
        # A CPU's autocast cannot stack half precision.
        with torch.autocast('cpu', enabled=False):
            rows = [torch.stack(level) for level in zip(*(item.levels for item in items), strict=True)]
        levels = [level.to(device).float() for level in rows]
        return StoredLevels(levels, tuple(stores))


@dataclass
class StoredLevels(Batched):
    """What a batch has as ``inputs`` in place of pictures (B, 3, H, W); indexed and moved like them.

    - ``levels``: (B, C_l, H_l, W_l) maps.
    - ``stores``: folders of the stores they come from; the image encoder refuses those of other weights.
    """

    levels: list[Tensor]
    stores: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.levels[0])

    def __iter__(self) -> NoReturn:
        """Refused: an encoder that reads levels as they come would not ask whose they are.

        Raises:
            FeatureStoreError: always; it names the encoder that reads a store.
        """
        raise FeatureStoreError(
            f'{", ".join(self.stores)}: features of a store need an encoder that reads one. Set '
            "model.image.encoder.type='StoredImageEncoder'."
        )

    @property
    def device(self) -> torch.device:
        """Where the levels are."""
        return self.levels[0].device


class ImageStore(PartReader):
    """Reader of the images' part of the store at ``path``.

    Raises:
        FeatureStoreError: see ``PartReader``.
    """

    def __init__(self, path: str | Path) -> None:
        super().__init__(Path(path) / 'images')
        self.rows = {image_id: row for row, image_id in enumerate(self.index['image_ids'])}
        self.num_levels = len(self.index['arrays']) - 3

    def _check_content(self) -> None:
        super()._check_content()
        count = self.count_keys('image_ids')
        for name, dtype, axes in (('shapes', 'int32', [4]), ('bytes', 'int64', []), ('crc32', 'uint32', [])):
            self.need(name, dtype, [count, *axes])
        for level in range(len(self.index['arrays']) - 3):
            self.need(f'level{level}', 'float16', [count, None, None, None])

    def __len__(self) -> int:
        return len(self.rows)

    def row(self, image_id: str) -> int:
        """The row of an image.

        Raises:
            FeatureStoreError: the store does not have it.
        """
        row = self.rows.get(str(image_id))
        if row is None:
            raise FeatureStoreError(
                f'The feature store {self.folder} has no image {image_id!r}. Cache it again with this config: '
                'python tools/cache_features.py CONFIG'
            )
        return row

    def shapes(self, row: int) -> tuple[tuple[int, int], tuple[int, int]] | None:
        """Original and input (height, width) of a row; None if the picture could not be read.

        Raises:
            FeatureStoreError: what says so is not what was written; :meth:`levels` looks at all others.
        """
        values = [int(value) for value in self.array('shapes')[row]]
        if values[0] < 0:
            self._check_row(row)
            return None
        return (values[0], values[1]), (values[2], values[3])

    def levels(self, row: int) -> list[Tensor]:
        """The levels (C_l, H_l, W_l) of a row, half precision.

        Raises:
            FeatureStoreError: they are not what was written.
        """
        levels = [np.array(self.array(f'level{number}')[row]) for number in range(self.num_levels)]
        self._check_row(row, *levels)
        return [torch.from_numpy(level) for level in levels]

    def _check_row(self, row: int, *levels: np.ndarray) -> None:
        if row_checksum(*levels, self.array('shapes')[row], self.array('bytes')[row]) != self.array('crc32')[row]:
            raise self.damaged(f'row {row} is not what was written')

    def check_file(self, row: int, path: str | None) -> None:
        """Refuses the row of a picture whose file is another one by now; one that is not there is none.

        Raises:
            FeatureStoreError: the file's size has changed.
        """
        state = None if path is None else file_state(path)
        made = int(self.array('bytes')[row])
        if state is not None and made >= 0 and state[0] != made:
            raise FeatureStoreError(
                f'{path} has changed since the feature store {self.folder} was made ({made} bytes, now {state[0]}). '
                'Cache it again: python tools/cache_features.py CONFIG'
            )


@TRANSFORMS.register_module()
class LoadCachedFeatures(BaseTransform):
    """Takes the levels of a frozen image encoder from a store instead of reading the picture.

    It stands where a pipeline reads and resizes the picture, before ``PackPairs``, which then gives a
    ``StoredPicture`` as ``inputs``.

    Args:
        store: folder of the store.
        transforms: the transforms this one stands for. ``tools/cache_features.py`` runs them; a store made with
            others is refused.
        views: other views of the pictures, e.g. by ``CropView``, each as dict(store=..., transforms=...) with a store
            of its own. An item reads one of all, ``store`` among them, drawn by ``results['rng']``.

    Raises:
        FeatureStoreError: a store is missing, unfinished, damaged, of other preprocessing, lacks an image, or a
            picture has changed since.
        UnreadableImageError: the picture could not be read when the store was made; data sets skip it.
    """

    def __init__(self, store: str, transforms: Sequence[dict], views: Sequence[dict] = ()) -> None:
        self.stores: list[tuple[str, ImageStore]] = []
        for view in (dict(store=store, transforms=transforms), *views):
            images = ImageStore(view['store'])
            images.check({'preprocessing': hash_config(view['transforms'])}, WHAT)
            self.stores.append((str(view['store']), images))

    def transform(self, results: dict) -> dict:
        """Adds ``stored_picture``, ``ori_shape`` and ``img_shape``; reads ``image_id``, and ``rng`` to draw a view."""
        view = int(results['rng'].integers(len(self.stores))) if len(self.stores) > 1 else 0
        store, images = self.stores[view]
        row = images.row(results['image_id'])
        images.check_file(row, results.get('img_path'))
        shapes = images.shapes(row)
        if shapes is None:
            raise UnreadableImageError(
                f'Image {results["image_id"]!r} ({results.get("img_path")}) could not be read when the feature store '
                f'{store} was made.'
            )
        # An annotation may know another size of the original than the file: grounding's boxes refer to it.
        set_original_shape(results, shapes[0])
        results['img_shape'] = shapes[1]
        results['stored_picture'] = StoredPicture(images.levels(row), store)
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}(stores={[store for store, _ in self.stores]})'


@lru_cache(maxsize=16)
def _normalisation(store: str) -> dict:
    return ImageStore(store).header.get('normalisation', {})
