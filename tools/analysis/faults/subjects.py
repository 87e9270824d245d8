"""What the product keeps on disk, in states 1, 2, 3, ... whose content is known.

Each subject writes as the product does, and reads as the product does; reading tells which state it has found.
"""

from __future__ import annotations

import hashlib
import json
import pickle
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.runner import save_checkpoint
from torch import Tensor

from slan_mm.apis.index_engines import open_index
from slan_mm.apis.index_parts import PictureIndexError
from slan_mm.atomic_files import replaced_atomically
from slan_mm.config import read_config
from slan_mm.engine.checkpoint_io import LAST, load_from_file, resumable_checkpoints
from slan_mm.feature_store import FeatureStoreError, ImageStore, PartWriter
from slan_mm.feature_store.layout import row_checksum
from slan_mm.folder_lock import FolderInUseError, FolderLock
from slan_mm.models import SLAN
from slan_mm.models.trained import build_applied
from slan_mm.structures import ImageFeatures
from slan_mm.weights_file import is_complete, save_weights

#: Pictures of the feature store.
ROWS = 24
CONFIG = Path(__file__).parents[3] / 'configs/pretrain/slan_tiny_shapes.py'
HEADER = {'weights': 'w'}
#: How the product refuses; readers of weights, and of model folders, by a ValueError.
TOLD = (ValueError, OSError, FeatureStoreError, PictureIndexError, FolderInUseError, pickle.UnpicklingError)


class WrongError(Exception):
    """What was read is in none of the states that were written."""


@dataclass
class Subject:
    """One thing on disk.

    - ``write``: brings a folder from state n - 1 to n, as a process that was just started does.
    - ``read``: the state in a folder; raises one of ``TOLD`` where it is refused, ``WrongError`` where it is wrong.
    - ``states``: how many there are.
    - ``adds``: whether each state keeps what was there before, so that two writers' states add up.
    - ``older``: whether an older state is taken where the newest is damaged.
    - ``changing``: whether writing is safe against faults; else damage alone is tried.
    - ``checked``: whether it has checksums.
    - ``beside``: how a reader beside a writer reads; None: by ``read``.
    """

    name: str
    write: Callable[[Path, int], None]
    read: Callable[[Path], int]
    states: int = 100_000
    adds: bool = False
    older: bool = False
    changing: bool = True
    checked: bool = True
    beside: Callable[[Path], int] | None = None


def weights(state: int) -> dict[str, Tensor]:
    """Some 20 KB of weights."""
    draws = torch.Generator().manual_seed(state)
    return {f'layer{n}.weight': torch.randn(32, 48, generator=draws) for n in range(3)}


def same(found: dict[str, Tensor], state: int) -> int:
    """``state``, if these are its weights.

    Raises:
        WrongError: They are not.
    """
    written = weights(state)
    if found.keys() != written.keys() or not all(torch.equal(found[name], value) for name, value in written.items()):
        raise WrongError(f'weights that are not those of state {state}')
    return state


def write_checkpoint(folder: Path, state: int) -> None:
    """A training's checkpoint and the file that names the newest; the last two are kept."""
    with FolderLock(folder):
        path = folder / f'iter_{state}.pth'
        with replaced_atomically(path) as temporary:
            save_checkpoint({'state_dict': weights(state), 'meta': dict(iter=state)}, str(temporary))
        with replaced_atomically(folder / LAST) as temporary:
            temporary.write_text(str(path))
        (folder / f'iter_{state - 2}.pth').unlink(missing_ok=True)


def read_checkpoint(folder: Path) -> int:
    """As a resumed training does: the newest one that is whole."""
    path = next((path for path in resumable_checkpoints(folder) if is_complete(path)), None)
    if path is None:
        raise FileNotFoundError('no checkpoint')
    content = load_from_file(str(path))
    return same(content['state_dict'], content['meta']['iter'])


def read_newest(folder: Path) -> int:
    """As a test or an inference beside a training does, which takes no lock: what ``last_checkpoint`` names."""
    content = load_from_file(str(folder))
    return same(content['state_dict'], content['meta']['iter'])


def write_safetensors(folder: Path, state: int, metafile: bool = False) -> None:
    """Published weights, with a checksum in their header, and with a metafile."""
    path = folder / 'model.safetensors'
    save_weights(path, weights(state), state=str(state))
    if metafile:
        told = f'Name: model\nSHA256: {hashlib.sha256(path.read_bytes()).hexdigest()}\n'
        with replaced_atomically(path.with_suffix('.yml')) as temporary:
            temporary.write_text(told)


def write_foreign(folder: Path, state: int) -> None:
    """Weights of another program, without a checksum."""
    from safetensors.torch import save_file

    save_file(weights(state), folder / 'model.safetensors')


def read_safetensors(folder: Path) -> int:
    """As ``load_from`` does."""
    found = load_from_file(str(folder / 'model.safetensors'))['state_dict']
    for state in range(1, 200):
        if torch.equal(next(iter(found.values())), next(iter(weights(state).values()))):
            return same(found, state)
    raise WrongError('weights of no state')


def features_of(number: int) -> ImageFeatures:
    """Features that tell a picture apart."""
    draws = torch.Generator().manual_seed(number)
    embedding, region = torch.nn.functional.normalize(torch.randn(2, 1, 32, generator=draws), dim=-1)
    boxes = torch.rand(1, 1, 4, generator=draws)
    return ImageFeatures(boxes, boxes[:, :, 0], boxes, [boxes[:, None]], {}, {'lexical': region[None]}, embedding)


def write_index(folder: Path, state: int, engine: str) -> None:
    """Adds picture ``state`` to an index."""
    index = open_index(folder, HEADER, engine)
    index.store_features = True
    index.add([f'/pictures/{state}.jpg'], [(30, 40)], [(1, state)], features_of(state))
    index.save()


def read_index(folder: Path) -> int:
    """The number of pictures, each of which is found by a search, and is what was added."""
    index = open_index(folder)
    found = index.nearest(features_of(1).embedding, 100_000)[0]
    numbers = [int(Path(picture.path).stem) for picture in found.pictures]
    for row, (number, picture) in enumerate(zip(numbers, found.pictures, strict=True)):
        written, kept = features_of(number), index.features.get(picture.id)
        right = (picture.height, picture.width, picture.bytes, picture.modified_ns) == (30, 40, 1, number)
        right &= torch.equal(found.summary.embedding[row], written.embedding[0].half())
        right &= torch.equal(found.summary.boxes['lexical'][row].float(), written.boxes[0].half().float())
        region = torch.nn.functional.cosine_similarity(
            found.summary.regions['lexical'][row].float(), written.region_space['lexical'][0]
        )
        # Features that are damaged are none, and are made again.
        right &= bool(region.min() > 0.999) and (kept is None or torch.equal(kept.boxes, written.boxes.half()))
        if not right:
            raise WrongError(f'picture {number} is not what was added')
    if len(set(numbers)) < len(numbers) or sorted(numbers) != sorted(int(Path(path).stem) for path in index.pictures):
        raise WrongError('pictures twice, or not the ones that are listed')
    return len(numbers)


def row_of(number: int) -> list[np.ndarray]:
    """Level, shapes and file size of a picture in the feature store."""
    draws = np.random.default_rng(number)
    level = draws.standard_normal((8, 6, 6)).astype('float16')
    return [level, np.array([30, 40, 32, 32], 'int32'), np.array(number, 'int64')]


def write_store(folder: Path, state: int) -> None:
    """Fills the next row, whatever the ``state``; the last one makes the store usable."""
    keys = [str(number) for number in range(ROWS)]
    with FolderLock(folder):
        writer = PartWriter(folder / 'images', HEADER, keys)
        if writer.finished:
            return
        state = writer.done + 1
        row = row_of(state - 1)
        arrays = [
            writer.array(name, (ROWS, *value.shape), str(value.dtype))
            for name, value in zip(('level0', 'shapes', 'bytes'), row, strict=True)
        ]
        crc32 = writer.array('crc32', (ROWS,), 'uint32')
        for array, value in zip(arrays, row, strict=True):
            array[state - 1] = value
        crc32[state - 1] = row_checksum(*row)
        writer.mark(state)
        if state == ROWS:
            writer.finish(image_ids=keys)


def read_store(folder: Path) -> int:
    """The rows of a finished store; of another one those that an interrupted run goes on behind."""
    if not (folder / 'images').exists():
        return 0
    if not (folder / 'images' / 'index.json').exists():
        writer = PartWriter(folder / 'images', HEADER, [str(number) for number in range(ROWS)])
        level = writer.array('level0', (ROWS, 8, 6, 6)) if writer.done else []
        if not all((level[number] == row_of(number)[0]).all() for number in range(writer.done)):
            raise WrongError('a row that counts as done is not what was written')
        return writer.done
    store = ImageStore(folder)
    for number in range(ROWS):
        row, written = store.row(str(number)), row_of(number)
        # As a data set does: the levels' checksum tells of the shapes, too.
        shapes, levels = store.shapes(row), store.levels(row)
        if shapes != ((30, 40), (32, 32)) or not (levels[0].numpy() == written[0]).all():
            raise WrongError(f'row {number} is not what was written')
    return ROWS


@cache
def _model() -> Any:
    return build_applied(read_config(str(CONFIG)))


def _fill(model: Any, state: int) -> dict[str, Tensor]:
    draws = torch.Generator().manual_seed(state)
    return {
        name: torch.randn(value.shape, generator=draws) if value.is_floating_point() else value
        for name, value in model.state_dict().items()
    }


def write_model(folder: Path, state: int) -> None:
    """A folder of a model."""
    _model().load_state_dict(_fill(_model(), state))
    _model().save_pretrained(folder)


def read_model(folder: Path) -> int:
    """As all tools do."""
    model = SLAN.from_pretrained(folder)
    config = json.loads((folder / 'config.json').read_text())
    told, found = (json.dumps(dict(cfg)) for cfg in (config['model'], model.cfg.model))
    if told.replace('{{ fileDirname }}', str(folder.resolve())) != found:
        raise WrongError('another config')
    state = next(state for state in range(1, 200) if torch.equal(first(model.state_dict()), first(_fill(model, state))))
    if not all(torch.equal(value, model.state_dict()[name]) for name, value in _fill(model, state).items()):
        raise WrongError(f'weights that are not those of state {state}')
    return state


def first(state: dict[str, Tensor]) -> Tensor:
    """The first weights that were drawn."""
    return next(value for value in state.values() if value.is_floating_point())


SUBJECTS = {
    subject.name: subject
    for subject in (
        Subject('checkpoint', write_checkpoint, read_checkpoint, older=True, beside=read_newest),
        Subject('safetensors', write_safetensors, read_safetensors),
        Subject(
            'safetensors with metafile', partial(write_safetensors, metafile=True), read_safetensors, changing=False
        ),
        Subject('safetensors of others', write_foreign, read_safetensors, changing=False, checked=False),
        Subject('model folder', write_model, read_model, changing=False),
        Subject('index (FAISS)', partial(write_index, engine='faiss'), read_index, adds=True),
        Subject('index (LanceDB)', partial(write_index, engine='lancedb'), read_index, adds=True),
        Subject('feature store', write_store, read_store, states=ROWS, adds=True),
    )
}
