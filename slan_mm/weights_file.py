"""One file of weights: read without running code from it, and told apart from a damaged file or something else."""

import hashlib
import pickle
import re
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from slan_mm.atomic_files import replaced_atomically
from slan_mm.model_folder import RECORD, WEIGHTS
from slan_mm.plain_text import short
from slan_mm.text_files import TextFileError, read_json, read_yaml

#: Plain NumPy values, which checkpoints of MMEngine hold in their logs and meta data.
SAFE_NUMPY = [
    np._core.multiarray._reconstruct,
    np._core.multiarray.scalar,
    np.ndarray,
    np.dtype,
    *(type(np.dtype(name)) for name in ('bool', 'uint8', 'uint32', 'int32', 'int64', 'float32', 'float64')),
]
_ZIP = b'PK\x03\x04'
#: What files begin with that are often found in the place of weights.
_STRANGERS = (
    (b'version https://git-lfs', 'only a pointer of Git LFS: fetch the file by git lfs pull'),
    (b'<', 'a web page: download the file itself'),
)
_WHOLE: set[Path] = set()
#: In the header of safetensors.
_CHECKSUM = 'crc32'
#: To read a file that another process replaces meanwhile.
_ATTEMPTS = 100


class WeightsFileError(ValueError):
    """A file that is damaged, or holds no weights."""


def read_weights_file(path: Path, map_location: Any = None) -> Any:
    """What a file of PyTorch (as ``torch.save`` writes it) or safetensors holds; its content tells which it is.

    Read by ``torch.load(weights_only=True)``. Damage is found by the checksums of PyTorch's files. Safetensors have one
    in their header if :func:`save_weights` wrote them; a metafile beside one (``NAME.yml``, see
    ``tools/model_converters/publish.py``), or the record in a model's folder (``run.json``), has the file's.

    Raises:
        WeightsFileError: It is damaged, or no such file.
        pickle.UnpicklingError: It holds anything but tensors and plain values.
    """
    with open(path, 'rb') as file:
        start = file.read(64)
    if not start:
        raise WeightsFileError(f'{path} is empty. Get the file again')
    for beginning, what in _STRANGERS:
        if start.lstrip().startswith(beginning):
            raise WeightsFileError(f'{path} holds no weights but is {what}')
    if start[8:9] == b'{' and not start.startswith(_ZIP):
        return _read_stable(path)
    if start.startswith(_ZIP) and path.resolve() not in _WHOLE:
        _check_zip(path)
    try:
        with torch.serialization.safe_globals(SAFE_NUMPY):
            return torch.load(path, map_location=map_location, weights_only=True)
    except (OSError, MemoryError):
        raise
    except Exception as error:
        lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
        code = next((line for line in lines if re.search('GLOBAL|allowlisted|Trying to', line)), None)
        if isinstance(error, pickle.UnpicklingError) and code is not None:
            raise pickle.UnpicklingError(
                f'{path} holds more than tensors and plain values, and reading it would run code from it ({code}). '
                'If you trust its source, convert it once: torch.save(dict(state_dict=torch.load(path, '
                "weights_only=False)['state_dict']), new_path)"
            ) from error
        told = re.search(r'WeightsUnpickler error:\s*(.+)', str(error))
        reason = told[1] if told else lines[0].split('. ')[0]
        raise WeightsFileError(
            f'{path} cannot be read as weights ({reason}). It is damaged or of another kind: get the file again'
        ) from error


def check_weights(path: Path, content: Any) -> dict[str, Any]:
    """The weights, by name, in the ``content`` of a file.

    Raises:
        WeightsFileError: It holds no weights, or weights that are no numbers: every answer and every further step would
            be NaN.
    """
    weights = content.get('state_dict', content) if isinstance(content, dict) else content
    if not isinstance(weights, dict) or not all(isinstance(name, str) for name in weights):
        raise WeightsFileError(
            f'{path} holds no weights: they are expected by name, on their own or under state_dict. '
            f'What is there is {short(weights)}'
        )
    if weights and not any(isinstance(value, torch.Tensor) for value in weights.values()):
        raise WeightsFileError(
            f'{path} holds no tensors under state_dict, nor on their own: its entries are '
            f'{", ".join(list(weights)[:8])}. Save those weights again, as dict(state_dict=...)'
        )
    tensors = {name: value for name, value in weights.items() if isinstance(value, torch.Tensor)}
    bad = [name for name, value in tensors.items() if value.is_floating_point() and not value.isfinite().all()]
    if bad:
        raise WeightsFileError(
            f'{path}: {len(bad)} of its {len(tensors)} tensors hold NaN or infinite numbers, the first is {bad[0]}: '
            'the training had diverged. Take an older checkpoint'
        )
    return weights


def _read_stable(path: Path) -> dict:
    """The safetensors at ``path``, read again while another process replaces them.

    Their header and their values are read through two openings of the file.
    """
    for _ in range(_ATTEMPTS):
        before = _identity(path)
        try:
            content, wrong = _read_safetensors(path), None
        except WeightsFileError as error:
            wrong = error
        if _identity(path) == before:
            break
    else:
        wrong = WeightsFileError(f'{path} is replaced again and again: wait until no process writes it')
    if wrong is not None:
        raise wrong
    return content


def _identity(path: Path) -> tuple[int, int, int]:
    told = path.stat()
    return told.st_ino, told.st_size, told.st_mtime_ns


def _read_safetensors(path: Path) -> dict:
    for file, name in ((path.with_suffix('.yml'), 'SHA256'), (path.with_name(RECORD), 'sha256')):
        if file.is_file() and (file.name != RECORD or path.name == WEIGHTS) and path.resolve() not in _WHOLE:
            told = _entry(file, name)
            if told is not None and hashlib.sha256(path.read_bytes()).hexdigest() != str(told).lower():
                raise WeightsFileError(
                    f'{path} is damaged: {file.name} is of another content ({name} {short(told)}). Get the files again'
                )
    try:
        with safe_open(path, 'pt') as file:
            told = (file.metadata() or {}).get(_CHECKSUM)
            weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except SafetensorError as error:
        raise WeightsFileError(f'{path} is damaged ({error}). Get the file again') from error
    if told is not None and told != _checksum(weights):
        raise WeightsFileError(f'{path} is damaged: its content is not what was written. Get the file again')
    return {'state_dict': weights}


def _entry(file: Path, name: str) -> Any:
    """What a file beside weights says; None of one that is of another kind, which may have the same name."""
    try:
        content = read_json(file) if file.suffix == '.json' else read_yaml(file)
    except TextFileError:
        return None
    return content.get(name) if isinstance(content, dict) else None


def save_weights(path: Path, weights: Mapping[str, Tensor], **about: str) -> None:
    """Writes a safetensors file in one step, with a checksum in its header.

    Args:
        path: The file.
        weights: Contiguous tensors on the CPU that share no memory.
        about: More for the header.
    """
    meta = {'format': 'pt', **about, _CHECKSUM: _checksum(weights)}
    with replaced_atomically(path) as temporary:
        save_file(dict(weights), temporary, metadata=meta)


def _checksum(weights: Mapping[str, Tensor]) -> str:
    crc32 = 0
    for name, value in sorted(weights.items()):
        crc32 = zlib.crc32(f'{name} {value.dtype} {tuple(value.shape)}'.encode(), crc32)
        # As bytes: bfloat16 has no NumPy type.
        crc32 = zlib.crc32(value.flatten().view(torch.uint8).numpy().data, crc32)
    return f'{crc32:08x}'


def _check_zip(path: Path) -> None:
    try:
        with zipfile.ZipFile(path) as archive:
            if not any(name.endswith('/data.pkl') for name in archive.namelist()):
                raise WeightsFileError(f'{path} is a zip file, but holds no weights that PyTorch has written')
            damaged = archive.testzip() is not None
    except WeightsFileError:
        raise
    except (zipfile.BadZipFile, zlib.error, OSError, ValueError, NotImplementedError, RuntimeError, EOFError):
        damaged = True
    if damaged:
        raise WeightsFileError(
            f'{path} is damaged: its content is not what was written. Get the file again, or take an older one'
        )


def is_complete(path: str | Path) -> bool:
    """Whether ``path`` is a whole and undamaged file of PyTorch, by the checksums that it has."""
    try:
        if not Path(path).is_file():
            return False
        with open(path, 'rb') as file:
            if file.read(4) != _ZIP:
                return False
        _check_zip(Path(path))
    except (WeightsFileError, OSError):
        return False
    return True


@contextmanager
def known_to_be_whole(path: str | Path) -> Iterator[None]:
    """While inside, ``path`` is read without being checked again."""
    resolved = Path(path).resolve()
    _WHOLE.add(resolved)
    try:
        yield
    finally:
        _WHOLE.discard(resolved)


def hash_weights(module: nn.Module) -> str:
    """32 hexadecimal digits that tell the parameters and buffers of modules apart, names and types included."""
    digest = hashlib.sha256()
    for name, value in sorted(module.state_dict().items()):
        value = value.detach().cpu().contiguous()
        digest.update(f'{name} {tuple(value.shape)} {value.dtype};'.encode())
        # As bytes: bfloat16 has no NumPy type.
        digest.update(value.flatten().view(torch.uint8).numpy().data)
    return digest.hexdigest()[:32]
