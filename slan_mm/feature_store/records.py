"""Records of features (``structures.Batched``) as safetensors files, of which single elements can be read.

The header of a file says of which class the record is and how its tensors nest. Files are written in one step, so
that one that is there is whole.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import fields
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
    tensors: dict[str, Tensor] = {}

    def flatten(value: Any, name: str) -> Any:
        if isinstance(value, Tensor):
            kind = dtype if value.is_floating_point() else None
            # A copy: safetensors refuses tensors that share their memory.
            tensors[name] = value.detach().to('cpu', kind).clone(memory_format=torch.contiguous_format)
            if kind is not None and not torch.isfinite(tensors[name]).all():
                raise FeatureStoreError(
                    f'{type(record).__name__}.{name} is not finite as {kind}, so it cannot be stored. If the weights '
                    'have not diverged, store float32 or bfloat16.'
                )
            return {'tensor': name}
        if isinstance(value, list | tuple):
            return {'list': [flatten(item, f'{name}.{number}') for number, item in enumerate(value)]}
        if isinstance(value, dict):
            return {'dict': {key: flatten(item, f'{name}.{key}') for key, item in value.items()}}
        return {'value': value}

    tree = {field.name: flatten(getattr(record, field.name), field.name) for field in fields(record)}
    meta = {'class': _class_name(type(record)), 'length': str(len(record)), 'tree': json.dumps(tree)}
    with replaced_atomically(path) as temporary:
        save_file(tensors, temporary, metadata=meta)


class StoredRecord:
    """A record on disk, indexed as the record itself; only what is asked for is read.

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
        except (OSError, SafetensorError, KeyError, ValueError) as error:
            raise FeatureStoreError(f'{self.path} is missing or damaged ({error}).') from error

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, index: Tensor) -> Batched:
        """The elements at ``index`` (n,), long; in memory, independent of the file."""

        def nest(node: dict) -> Any:
            if 'tensor' in node:
                # A view of the file, of which index_select copies the rows.
                return file.get_tensor(node['tensor']).index_select(0, index)
            if 'list' in node:
                return [nest(item) for item in node['list']]
            if 'dict' in node:
                return {key: nest(item) for key, item in node['dict'].items()}
            return node['value']

        try:
            with safe_open(self.path, 'pt') as file:
                return self.kind(**{name: nest(node) for name, node in self._tree.items()})
        except (OSError, SafetensorError) as error:
            raise FeatureStoreError(f'{self.path} is missing or damaged ({error}).') from error


def _class_name(kind: type[Batched]) -> str:
    return f'{kind.__module__}.{kind.__qualname__}'


def _class_of(name: str) -> type[Batched]:
    """The class called ``name``, among those that are loaded: nothing is imported because a file says so."""

    def descendants(kind: type[Batched]) -> Iterator[type[Batched]]:
        for child in kind.__subclasses__():
            yield child
            yield from descendants(child)

    for kind in descendants(Batched):
        if _class_name(kind) == name:
            return kind
    raise ValueError(f'no record class is called {name!r}')
