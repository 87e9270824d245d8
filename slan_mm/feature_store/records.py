"""Records of features (``structures.Batched``) as safetensors files, of which single elements can be read.

The header of a file says of which class the record is and how its tensors nest, and has a checksum of all. Files are
written in one step, so that one that is there is whole.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import fields
from operator import itemgetter
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from slan_mm.atomic_files import replaced_atomically
from slan_mm.feature_store.keys import FeatureStoreError
from slan_mm.structures import Batched


def save_record(path: str | Path, record: Batched, dtype: torch.dtype | None = None) -> None:
    """Writes ``record`` to ``path``, floating tensors as ``dtype``; None keeps their types.

    Raises:
        FeatureStoreError: a value is not finite in ``dtype``.
    """
    found: dict[str, Tensor] = {}
    tree = {field.name: _flatten(getattr(record, field.name), field.name, found) for field in fields(record)}
    tensors = {}
    for name, value in found.items():
        kind = dtype if value.is_floating_point() else None
        # A copy, as safetensors refuses tensors that share their memory; and one alone, because batches are large. A
        # tensor of one element may count as contiguous with any strides, and so be no row of bytes.
        tensors[name] = torch.empty(value.shape, dtype=kind or value.dtype).copy_(value.detach())
        if kind is not None and value.numel() and not all(map(torch.isfinite, tensors[name].aminmax())):
            raise FeatureStoreError(
                f'{type(record).__name__}.{name} is not finite as {kind}, so it cannot be stored. If the weights '
                'have not diverged, store float32 or bfloat16.'
            )
    meta = {'class': _class_name(type(record)), 'length': str(len(record)), 'tree': json.dumps(tree)}
    meta['crc32'] = _checksum(meta, tensors.items())
    write_tensors(path, tensors, meta)


def _flatten(value: Any, name: str, found: dict[str, Tensor]) -> Any:
    """What a file says of ``value``; its tensors are added to ``found``, by names that begin with ``name``."""
    if isinstance(value, Tensor):
        found[name] = value
        return {'tensor': name}
    if isinstance(value, list | tuple):
        return {'list': [_flatten(item, f'{name}.{number}', found) for number, item in enumerate(value)]}
    if isinstance(value, dict):
        return {'dict': {key: _flatten(item, f'{name}.{key}', found) for key, item in value.items()}}
    return {'value': value}


def _nest(node: dict, read: Callable[[str], Tensor]) -> Any:
    """The value of which :func:`_flatten` said ``node``, with the tensors that ``read`` gives by name."""
    if 'tensor' in node:
        return read(node['tensor'])
    if 'list' in node:
        return [_nest(item, read) for item in node['list']]
    if 'dict' in node:
        return {key: _nest(item, read) for key, item in node['dict'].items()}
    return node['value']


def write_tensors(path: str | Path, tensors: dict[str, Tensor], meta: dict[str, str] | None = None) -> None:
    """Writes a safetensors file in one step.

    Raises:
        OSError: it cannot be written; the disk may be full.
    """
    try:
        with replaced_atomically(path) as temporary:
            save_file(tensors, temporary, metadata=meta)
    except SafetensorError as error:
        raise OSError(f'{path} cannot be written ({error}): is there room on the disk?') from error


class StoredRecord:
    """A record on disk, indexed as the record itself; but for a first reading of all, only what is asked for is read.

    Raises:
        FeatureStoreError: the file is missing, damaged, or no record of a class that this program knows.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        try:
            with safe_open(self.path, 'pt') as file:
                meta = file.metadata() or {}
            self.kind = _class_of(meta['class'])
            self._length = int(meta['length'])
            self._tree = json.loads(meta['tree'])
            self._unchecked: dict[str, str] | None = meta
        except (OSError, SafetensorError, KeyError, ValueError, RecursionError) as error:
            raise FeatureStoreError(f'{self.path} is missing or damaged ({error}).') from error

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, index: Tensor) -> Batched:
        """The elements at ``index`` (n,), long; in memory, independent of the file.

        Raises:
            FeatureStoreError: the file is gone, or is not what was written.
        """
        try:
            with safe_open(self.path, 'pt') as file:
                if self._unchecked is not None:
                    tensors = ((name, file.get_tensor(name)) for name in file.keys())  # noqa: SIM118
                    if _checksum(self._unchecked, tensors) != self._unchecked['crc32']:
                        raise ValueError('its content is not what was written')
                    self._unchecked = None

                def rows(name: str) -> Tensor:
                    # A view of the file, of which index_select copies the rows.
                    return file.get_tensor(name).index_select(0, index)

                return self.kind(**{name: _nest(node, rows) for name, node in self._tree.items()})
        except (OSError, SafetensorError, KeyError, ValueError, TypeError, AttributeError, RuntimeError) as error:
            raise FeatureStoreError(f'{self.path} is missing or damaged ({error}).') from error


def _checksum(meta: Mapping[str, str], tensors: Iterable[tuple[str, Tensor]]) -> str:
    """CRC-32 of what a file says and holds."""
    crc32 = zlib.crc32('\n'.join(meta[name] for name in ('class', 'length', 'tree')).encode())
    for name, tensor in sorted(tensors, key=itemgetter(0)):
        crc32 = zlib.crc32(f'{name} {tensor.dtype} {tuple(tensor.shape)}'.encode(), crc32)
        # As bytes: bfloat16 has no NumPy type.
        crc32 = zlib.crc32(tensor.flatten().view(torch.uint8).numpy().data, crc32)
    return f'{crc32:08x}'


def _class_name(kind: type[Batched]) -> str:
    return f'{kind.__module__}.{kind.__qualname__}'


def _class_of(name: str) -> type[Batched]:
    """The class called ``name``, among those that are loaded: nothing is imported because a file says so."""
    for kind in _descendants(Batched):
        if _class_name(kind) == name:
            return kind
    raise ValueError(f'no record class is called {name!r}')


def _descendants(kind: type[Batched]) -> Iterator[type[Batched]]:
    for child in kind.__subclasses__():
        yield child
        yield from _descendants(child)
