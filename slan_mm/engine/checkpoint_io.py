"""Where checkpoints are, and the one way in which all of them are read."""

import hashlib
import logging
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from mmengine.dist import get_rank, get_world_size
from mmengine.logging import print_log
from mmengine.runner import (
    CheckpointLoader,
    get_deprecated_model_names,
    get_external_models,
    get_torchvision_models,
)

from slan_mm.home_folder import expanded
from slan_mm.model_folder import WEIGHTS, find_model_folder
from slan_mm.plain_text import short
from slan_mm.shipped import find_shipped
from slan_mm.weights_file import check_weights, read_weights_file

#: Text files of a work directory that hold the path of its newest checkpoint, and of the best one by ``save_best``.
LAST, BEST = 'last_checkpoint', 'best_checkpoint'
#: Names of files that end with a part of their content's hash.
_HASHED = re.compile(r'-[0-9a-f]{8,}\.\w+$')


def find_checkpoint(path: str | os.PathLike) -> Path:
    """The checkpoint file that ``path`` stands for; every tool and ``load_from`` find theirs here.

    A work directory stands for the best checkpoint of its run where one was kept (``save_best``), else for the newest;
    a file ``last_checkpoint`` or ``best_checkpoint`` for the one that it names, see :func:`read_pointer`; the folder of
    a model, or its name on a hub, for its weights (:func:`find_model_folder`). ``checkpoints/...`` that is not here is
    that of the package (:func:`find_shipped`). Any other path is given back, whether it exists or not.

    Raises:
        FileNotFoundError: if the directory has no checkpoint, or the one named is gone.
        OSError: if a name of a hub cannot be fetched.
        ValueError: if the file that names it is damaged.
    """
    path = find_shipped(os.fspath(path))
    folder = find_model_folder(path)
    if folder is not None:
        return folder / WEIGHTS
    path = expanded(path)
    if path.is_dir():
        pointer = next((path / name for name in (BEST, LAST) if (path / name).is_file()), None)
        if pointer is None:
            raise FileNotFoundError(
                f'no checkpoint in the folder {path}: it has no file {LAST}, which training writes. '
                'Train first, or give the path of a .pth or .safetensors file'
            )
    elif path.name in (LAST, BEST) and path.is_file():
        pointer = path
    else:
        return path
    named = read_pointer(pointer)
    while not named.is_file():
        # Gone, or a training beside us has put a newer one in its place since.
        if (newer := read_pointer(pointer)) == named:
            raise FileNotFoundError(f'{pointer} names a checkpoint that is not there: {named}')
        named = newer
    return named


def existing_checkpoint(path: str | os.PathLike) -> Path:
    """:func:`find_checkpoint`, which must be there.

    Raises:
        FileNotFoundError: if there is no such file.
    """
    found = find_checkpoint(path)
    if not found.is_file():
        raise FileNotFoundError(f'no checkpoint {found}: give a .pth or .safetensors file, or the folder of a training')
    return found


def load_from_file(filename: str, map_location: Any = None) -> dict:
    """Reads a checkpoint (``.pth``, ``.pt``) or bare weights (``.safetensors``) from a local file.

    ``filename`` may also be a work directory, see :func:`find_checkpoint`.

    As :func:`read_weights_file` does, without MMEngine's silent second try with ``weights_only=False``, which would
    run whatever code the file holds.

    Raises:
        FileNotFoundError: if there is no such file.
        WeightsFileError: if it is damaged (PyTorch reads a flipped bit as another number), holds no weights, or weights
            that are no numbers: every answer and every further step would be NaN.
        pickle.UnpicklingError: if it holds anything but tensors and plain values.
    """
    path = existing_checkpoint(filename)
    while True:
        try:
            content = read_weights_file(path, map_location)
            break
        except FileNotFoundError:
            # A training beside us has put a newer one in its place.
            if (newer := existing_checkpoint(filename)) == path:
                raise
            path = newer
    if path != expanded(filename):
        print_log(f'{filename}: its checkpoint is {path.name}', 'current')
    check_weights(path, content)
    return content


def load_from_web(filename: str, map_location: Any = None) -> dict:
    """Downloads a checkpoint once (to the cache of ``torch.hub``) and reads it as a local file is read."""
    if get_rank() == 0:
        _download(filename)
    if get_world_size() > 1:
        torch.distributed.barrier()
    return load_from_file(_download(filename), map_location)


def _download(url: str) -> str:
    folder = Path(torch.hub.get_dir()) / 'checkpoints'
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / _cached_name(url)
    if not path.exists():
        torch.hub.download_url_to_file(url, str(path), progress=False)
    return str(path)


def _cached_name(url: str) -> str:
    """What the file of ``url`` is called in the cache. Many files have one name, such as 'model.safetensors'; that of
    OpenMMLab and torchvision ends with a part of the content's hash, and is kept, as they keep it."""
    name = url.split('?')[0].rsplit('/', 1)[-1]
    return name if _HASHED.search(name) else f'{hashlib.sha256(url.encode()).hexdigest()[:16]}-{name}'


def load_from_name(filename: str, map_location: Any = None) -> dict:
    """Reads ``torchvision://<name>``, ``modelzoo://<name>`` or ``open-mmlab://<name>``, whose address MMEngine knows.

    Raises:
        KeyError: if it does not know the name.
    """
    scheme, _, name = filename.partition('://')
    torchvision = scheme in ('torchvision', 'modelzoo')
    addresses = get_torchvision_models() if torchvision else get_external_models()
    name = name if torchvision else get_deprecated_model_names().get(name, name)
    if name not in addresses:
        raise KeyError(f'{filename}: no such model; {scheme} has e.g. {", ".join(sorted(addresses)[:5])}')
    return load_from_web(addresses[name], map_location)


def refuse_scheme(filename: str, map_location: Any = None) -> dict:
    """Refuses addresses that MMEngine would read without protection.

    Raises:
        ValueError: always.
    """
    raise ValueError(
        f'{filename}: checkpoints are not read from there. Copy the file to this machine, and give its path'
    )


def register_strict_loaders() -> None:
    """Makes all checkpoints that this process reads (``load_from``, ``Pretrained``) go through these readers."""
    for prefixes, loader in (
        ('', load_from_file),
        (['http://', 'https://'], load_from_web),
        (['torchvision://', 'modelzoo://', 'open-mmlab://', 'openmmlab://'], load_from_name),
        (['pavi://', 'mmcls://', r'(\S+\:)?s3://', r'(\S+\:)?petrel://'], refuse_scheme),
    ):
        CheckpointLoader.register_scheme(prefixes=prefixes, loader=loader, force=True)


def resumable_checkpoints(work_dir: str | os.PathLike, out_dir: str | os.PathLike | None = None) -> list[Path]:
    """The checkpoints ``iter_*.pth`` and ``epoch_*.pth`` of a run, newest first, complete or not.

    They are looked for in ``work_dir`` and ``out_dir``, where they are if the checkpoint hook has one. The first is the
    one that ``work_dir/last_checkpoint`` names, in whatever folder if these have none of its name. The others are
    ordered by time of writing: numbers would mislead in a folder that an earlier, longer run has used.
    """
    folders = {Path(folder).resolve() for folder in (work_dir, out_dir) if folder is not None}
    found = [
        path for folder in folders for path in folder.glob('*.pth') if re.fullmatch(r'(iter|epoch)_\d+', path.stem)
    ]

    def age(path: Path) -> tuple[int, int]:
        # Of a link itself: what it leads to may be gone.
        return path.lstat().st_mtime_ns, int(path.stem.split('_')[1])

    found.sort(key=age, reverse=True)
    last = Path(work_dir) / LAST
    if last.is_file():
        try:
            named = read_pointer(last, [*folders])
        except ValueError as error:
            print_log(f'{error}. Taking the newest file', 'current', logging.WARNING)
        else:
            if named.is_file():
                found = [named, *(path for path in found if path != named)]
    return found


def read_pointer(pointer: Path, folders: Sequence[Path] = ()) -> Path:
    """The checkpoint that a file ``last_checkpoint`` or ``best_checkpoint`` names.

    It is that of its name in ``folders`` or beside the file where there is one: a copied or moved folder has its own.

    Raises:
        ValueError: the file is damaged.
    """
    with open(pointer, 'rb') as file:
        raw = file.read(5000)
    try:
        text = raw.decode().strip()
        name = Path(text).name
        if not name or not text.isprintable() or len(raw) > 4096 or len(name.encode()) > 255:
            raise ValueError
    except ValueError:
        raise ValueError(f'{pointer} is damaged: it names no checkpoint but {short(raw)}. Remove it') from None
    own = next((folder / name for folder in (pointer.parent.resolve(), *folders) if (folder / name).is_file()), None)
    return own or Path(text)
