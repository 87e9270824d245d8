"""Reading and writing checkpoint files: no code is run from a file, and no half-written file is ever taken for one."""

import os
import pickle
import re
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.dist import get_rank, get_world_size
from mmengine.logging import print_log
from mmengine.runner import (
    CheckpointLoader,
    get_deprecated_model_names,
    get_external_models,
    get_torchvision_models,
)

from slan_mm.atomic_files import (
    replaced_atomically as replaced_atomically,
)

#: Plain NumPy values, which checkpoints of MMEngine hold in their logs and meta data.
SAFE_NUMPY = [
    np._core.multiarray._reconstruct,
    np._core.multiarray.scalar,
    np.ndarray,
    np.dtype,
    *(type(np.dtype(name)) for name in ('bool', 'uint8', 'uint32', 'int32', 'int64', 'float32', 'float64')),
]


#: Text files of a work directory that hold the path of its newest checkpoint, and of the best one by ``save_best``.
LAST, BEST = 'last_checkpoint', 'best_checkpoint'


def find_checkpoint(path: str | os.PathLike) -> Path:
    """The checkpoint file that ``path`` stands for; every tool and ``load_from`` find theirs here.

    A work directory stands for the best checkpoint of its run where one was kept (``save_best``), else for the newest;
    a file ``last_checkpoint`` or ``best_checkpoint`` for the one that it names. In a folder that was moved the name is
    looked for beside that file. Any other path is given back, whether it exists or not.

    Raises:
        FileNotFoundError: if the directory has no checkpoint, or the one named is gone.
    """
    path = Path(path).expanduser()
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
    named = Path(pointer.read_text().strip())
    for found in (named, pointer.parent / named.name):
        if found.is_file():
            return found
    raise FileNotFoundError(f'{pointer} names a checkpoint that is not there: {named}')


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

    ``torch.load(weights_only=True)``, without MMEngine's silent second try with ``weights_only=False``, which would
    run whatever code the file holds.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if the file is damaged: PyTorch reads a flipped bit as another number.
        pickle.UnpicklingError: if the file holds anything but tensors and plain values.
    """
    path = existing_checkpoint(filename)
    if path != Path(filename).expanduser():
        print_log(f'{filename}: its checkpoint is {path.name}', 'current')
    if path.suffix == '.safetensors':
        from safetensors.torch import load_file

        return {'state_dict': load_file(path, device='cpu')}
    if zipfile.is_zipfile(path) and _is_damaged(path):
        raise ValueError(
            f'{path} is damaged: its content is not what was written. Get the file again, or take an older one'
        )
    try:
        with torch.serialization.safe_globals(SAFE_NUMPY):
            return torch.load(path, map_location=map_location, weights_only=True)
    except pickle.UnpicklingError as error:
        lines = str(error).splitlines()
        reason = next((line.strip() for line in lines if 'GLOBAL' in line), lines[0] if lines else 'unknown')
        raise pickle.UnpicklingError(
            f'{path} holds more than tensors and plain values, and reading it would run code from it ({reason}). '
            'If you trust its source, convert it once: torch.save(dict(state_dict=torch.load(path, '
            "weights_only=False)['state_dict']), new_path)"
        ) from error


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
    path = folder / url.split('?')[0].rsplit('/', 1)[-1]
    if not path.exists():
        torch.hub.download_url_to_file(url, str(path), progress=False)
    return str(path)


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


def is_complete(path: str | os.PathLike) -> bool:
    """Whether ``path`` is a whole and undamaged checkpoint file.

    Its table of contents is written last, and has a checksum of every tensor.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            holds_tensors = any(name.endswith('data.pkl') for name in archive.namelist())
    except (zipfile.BadZipFile, OSError):
        return False
    return holds_tensors and not _is_damaged(path)


def _is_damaged(path: str | os.PathLike) -> bool:
    """Whether a zip file's content is not that of its checksums."""
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.testzip() is not None
    except (zipfile.BadZipFile, zlib.error, OSError, ValueError, NotImplementedError):
        return True


def resumable_checkpoints(work_dir: str | os.PathLike) -> list[Path]:
    """The checkpoints ``iter_*.pth`` and ``epoch_*.pth`` of a run, newest first, complete or not.

    They are looked for in ``work_dir`` and beside the file that ``work_dir/last_checkpoint`` names. Newest is by time
    of writing: numbers would mislead in a folder that an earlier, longer run has used.
    """
    folders = {Path(work_dir).resolve()}
    last = Path(work_dir) / LAST
    if last.is_file() and (name := last.read_text().strip()):
        folders.add(Path(name).parent.resolve())
    found = [
        path for folder in folders for path in folder.glob('*.pth') if re.fullmatch(r'(iter|epoch)_\d+', path.stem)
    ]

    def age(path: Path) -> tuple[int, int]:
        return path.stat().st_mtime_ns, int(path.stem.split('_')[1])

    return sorted(found, key=age, reverse=True)
