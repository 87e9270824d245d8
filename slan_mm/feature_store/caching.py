"""Filling a store: every picture and text of a config's data sets once through the frozen encoders."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from mmengine.logging import print_log
from mmengine.model import BaseDataPreprocessor
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from slan_mm.datasets.pictures import file_state
from slan_mm.feature_store.encoders import StoredImageEncoder, StoredTextEncoder
from slan_mm.feature_store.keys import FeatureStoreError, canonical, hash_config, normalisation_of
from slan_mm.feature_store.layout import FORMAT, PartReader, PartWriter, row_checksum
from slan_mm.feature_store.sources import StoredDataset
from slan_mm.feature_store.texts import text_key
from slan_mm.folder_lock import FolderLock
from slan_mm.progress import Progress

#: How often progress is made safe.
MARK_SECONDS = 10.0


class _Pictures(Dataset):
    def __init__(self, datasets: Sequence[StoredDataset], places: Sequence[tuple[int, int]]) -> None:
        self.datasets, self.places = datasets, places

    def __len__(self) -> int:
        return len(self.places)

    def __getitem__(self, row: int) -> dict | None:
        number, index = self.places[row]
        return self.datasets[number].picture(index)


def _image_places(datasets: Sequence[StoredDataset]) -> tuple[dict[str, tuple[int, int]], dict[str, str]]:
    """Of each picture by its id: data set and index, and the path."""
    places: dict[str, tuple[int, int]] = {}
    paths: dict[str, str] = {}
    for number, dataset in enumerate(datasets):
        for index in range(len(dataset)):
            info = dataset.pictures.get_data_info(index)
            image_id, path = str(info['image_id']), str(info.get('img_path'))
            if paths.setdefault(image_id, path) != path:
                raise FeatureStoreError(
                    f'The image id {image_id!r} stands for {paths[image_id]} and for {path}. Give one of the data sets '
                    'an id_prefix, or another store.'
                )
            places.setdefault(image_id, (number, index))
    return places, paths


@torch.no_grad()
def cache_images(
    encoder: StoredImageEncoder,
    preprocessor: BaseDataPreprocessor,
    datasets: Sequence[StoredDataset],
    store: str | Path,
    batch_size: int = 32,
    num_workers: int = 0,
) -> int:
    """Stores ``encoder.extract`` of every picture of ``datasets``, each once; goes on where it was interrupted.

    Args:
        encoder: of the pictures, on the device to use.
        preprocessor: the model's data preprocessor, on the same device.
        datasets: of one store, see ``stored_datasets``.

    Returns:
        The number of pictures in the store.

    Raises:
        FeatureStoreError: no picture can be read, pictures differ in size, or a feature exceeds half precision.
        FolderInUseError: another process is filling the store.
    """
    with FolderLock(store):
        return _cache_images(encoder, preprocessor, datasets, store, batch_size, num_workers)


def _cache_images(
    encoder: StoredImageEncoder,
    preprocessor: BaseDataPreprocessor,
    datasets: Sequence[StoredDataset],
    store: str | Path,
    batch_size: int,
    num_workers: int,
) -> int:
    places, paths = _image_places(datasets)
    states = [file_state(path) for path in paths.values()]
    transforms = datasets[0].transforms
    header = {
        **encoder.store_header(),
        'preprocessing': hash_config(transforms),
        'normalisation': normalisation_of(preprocessor),
        'transforms': canonical(transforms),
    }
    image_ids = list(places)
    # Size and time of change of a file tell whether it is still the same picture.
    if _covers(Path(store) / 'images', header, 'image_ids', dict(zip(image_ids, map(_plain, states), strict=True))):
        print_log(f'{store}/images holds these {len(image_ids)} pictures already.', 'current')
        return len(image_ids)
    writer = PartWriter(Path(store) / 'images', header, [[*pair] for pair in zip(image_ids, states, strict=True)])
    if writer.finished:
        print_log(f'{writer.folder} holds these {len(image_ids)} pictures already.', 'current')
        return len(image_ids)
    shapes = writer.array('shapes', (len(image_ids), 4), 'int32')
    sizes = writer.array('bytes', (len(image_ids),), 'int64')
    crc32 = writer.array('crc32', (len(image_ids),), 'uint32')
    sizes[:] = [-1 if state is None else state[0] for state in states]
    rows = range(writer.done, len(image_ids))
    loader = DataLoader(
        _Pictures(datasets, [places[image_ids[row]] for row in rows]),
        batch_size=batch_size,
        num_workers=num_workers,
        collate_fn=list,
    )
    done = writer.done
    with Progress(f'Pictures of {store}', len(image_ids), done=done) as progress:
        for items in loader:
            good = [row for row, item in enumerate(items, start=done) if item is not None]
            items_read = [item for item in items if item is not None]
            shapes[done : done + len(items)] = -1
            levels: list[np.memmap] = []
            if items_read:
                batch = {key: [item[key] for item in items_read] for key in ('inputs', 'data_samples')}
                for number, output in enumerate(encoder.extract(preprocessor(batch, False)['inputs'])):
                    level = writer.array(f'level{number}', (len(image_ids), *output.shape[1:]))
                    level[good] = _half(output, [image_ids[row] for row in good])
                    levels.append(level)
                for row, item in zip(good, items_read, strict=True):
                    sample = item['data_samples']
                    shapes[row] = (*sample.metainfo['ori_shape'][:2], *sample.metainfo['img_shape'][:2])
            for row in range(done, done + len(items)):
                of_row = [level[row] for level in levels] if row in good else []
                crc32[row] = row_checksum(*of_row, shapes[row], sizes[row])
            done += len(items)
            writer.mark(done, every=MARK_SECONDS)
            progress.step(len(items))
    lost = int((shapes[:, 0] < 0).sum())
    if lost == len(image_ids):
        raise FeatureStoreError(f'None of the {lost} pictures of {store} can be read.')
    if lost:
        print_log(f'{lost} of {len(image_ids)} pictures could not be read; training skips them.', 'current')
    writer.finish(image_ids=image_ids, states=[_plain(state) for state in states])
    return len(image_ids)


def _plain(state: tuple[int, ...] | None) -> list[int] | None:
    return None if state is None else list(state)


def _covers(folder: Path, header: dict, names: str, wanted: dict[str, list[int] | None]) -> bool:
    """Whether a finished part made by ``header`` has all that is ``wanted``, names and states of files, and maybe more.

    So a run on fewer samples, a smoke run for example, does not throw away what a longer one has stored.
    """
    try:
        part = PartReader(folder)
    except FeatureStoreError:
        return False
    found = part.index.get(names, [])
    states = dict(zip(found, part.index.get('states', [None] * len(found)), strict=False))
    same = part.header == {'format': FORMAT, **header}
    return same and all(name in states and states[name] == state for name, state in wanted.items())


def _half(values: Tensor, names: Sequence[str]) -> np.ndarray:
    half = values.half()
    bad = ~torch.isfinite(half).flatten(1).all(dim=1)
    if bad.any():
        name = names[int(bad.nonzero()[0])]
        raise FeatureStoreError(f'Features of {name!r} are not finite in half precision, so they cannot be stored.')
    return half.cpu().numpy()


@torch.no_grad()
def cache_texts(
    encoder: StoredTextEncoder, datasets: Sequence[StoredDataset], store: str | Path, batch_size: int = 256
) -> int:
    """Stores the words that ``encoder`` makes of every text of ``datasets``; goes on where it was interrupted.

    Args:
        encoder: of the texts, on the device to use.

    Returns:
        The number of different texts in the store.

    Raises:
        FeatureStoreError: a feature exceeds half precision.
        FolderInUseError: another process is filling the store.
    """
    with FolderLock(store):
        return _cache_texts(encoder, datasets, store, batch_size)


def _cache_texts(
    encoder: StoredTextEncoder, datasets: Sequence[StoredDataset], store: str | Path, batch_size: int
) -> int:
    texts = dict.fromkeys(itertools.chain.from_iterable(d.texts(i) for d in datasets for i in range(len(d))))
    found: dict[str, tuple[int, str]] = {}
    for chunk in _chunks(list(texts), 4096):
        tokens = encoder.tokenize(chunk)
        for text, ids, mask in zip(chunk, tokens.input_ids.cpu(), tokens.mask.cpu(), strict=True):
            ids = ids[mask].tolist()
            found.setdefault(text_key(ids), (len(ids), text))
    # Texts of one length side by side waste no time on padding.
    entries = sorted(((length, key, text) for key, (length, text) in found.items()), key=lambda entry: entry[:2])
    keys = [key for _, key, _ in entries]
    if _covers(Path(store) / 'texts', encoder.store_header(), 'text_keys', dict.fromkeys(keys)):
        print_log(f'{store}/texts holds these {len(keys)} texts already.', 'current')
        return len(keys)
    writer = PartWriter(Path(store) / 'texts', encoder.store_header(), keys)
    if writer.finished:
        print_log(f'{writer.folder} holds these {len(keys)} texts already.', 'current')
        return len(keys)
    offsets = writer.array('offsets', (len(keys) + 1,), 'int64')
    offsets[:] = np.cumsum([0, *(length for length, _, _ in entries)])
    crc32 = writer.array('crc32', (max(len(keys), 1),), 'uint32')
    done = writer.done
    with Progress(f'Texts of {store}', len(keys), done=done) as progress:
        for chunk in _chunks(entries[done:], batch_size):
            tokens = encoder.tokenize([text for _, _, text in chunk])
            values = encoder.run(tokens).contextual[tokens.mask]
            array = writer.array('contextual', (int(offsets[-1]), values.shape[-1]))
            array[offsets[done] : offsets[done + len(chunk)]] = _half(values, [chunk[0][2]] * len(values))
            for row in range(done, done + len(chunk)):
                crc32[row] = row_checksum(array[offsets[row] : offsets[row + 1]])
            done += len(chunk)
            writer.mark(done, every=MARK_SECONDS)
            progress.step(len(chunk))
    writer.finish(text_keys=keys)
    return len(keys)


def _chunks(values: Sequence, size: int) -> Iterator[Sequence]:
    return (values[start : start + size] for start in range(0, len(values), size))
