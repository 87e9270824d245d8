"""What an evaluation of retrieval keeps, in memory or in a folder from which an interrupted one goes on.

A folder has one part a rank: ``rank0/store.json`` (what it was made from), ``images/`` and ``texts/`` (features, a file
for each batch), ``samples.jsonl`` (the samples of the batches of images) and ``itc/``, ``itm/`` (scores so far).
"""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.dist import all_gather_object, get_rank, get_world_size
from mmengine.logging import print_log
from torch import nn

from slan_mm.atomic_files import replaced_atomically
from slan_mm.datasets.pictures import file_state
from slan_mm.evaluation.feature_cache import FeatureCache
from slan_mm.feature_store import (
    FeatureStoreError,
    PartWriter,
    hash_config,
    refuse_other,
    write_json,
)
from slan_mm.folder_lock import FolderInUseError, FolderLock
from slan_mm.text_files import TextFileError, parse_json, read_json, read_utf8
from slan_mm.weights_file import hash_weights

FORMAT = 3
MARK_SECONDS = 10.0  #: how often scores are made safe
#: The entries of the header that a store is refused by, in words.
WHAT = {
    'format': 'version of slan_mm',
    'weights': 'weights of the model',
    'config': 'config of the model or the data set',
    'data': 'samples, texts or pictures',
    'precision': 'precision (store_dtype, fp16)',
    'ranks': 'number of ranks',
}
_HOW = 'Remove it, or give store another path. A store is of one checkpoint and one data set.'


def store_header(
    model: nn.Module, dataloader: Any, dtype: torch.dtype | None, run_config: Mapping[str, Any] | None
) -> dict[str, Any]:
    """What the features and scores of this rank depend on.

    Pictures are told apart by paths, and by size and time of change of their files.

    Args:
        model: whose weights and buffers are hashed.
        dataloader: its sampler gives the same samples each time, in the same order.
        dtype: of the stored features.
        run_config: configs of model and data set, as far as they are known.
    """
    order = list(dataloader.sampler)
    keys = ('sample_id', 'image_id', 'img_path', 'text', 'captions')
    digest = hashlib.sha256(f'{len(dataloader.dataset)} {order}'.encode())
    if hasattr(dataloader.dataset, 'get_data_info'):
        for index in order:
            info = dataloader.dataset.get_data_info(index)
            content = {key: info.get(key) for key in keys}
            content['file'] = file_state(str(info.get('img_path')))
            digest.update(hash_config(content).encode())
    device = next(model.parameters()).device.type
    autocast = torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else None
    return {
        'format': FORMAT,
        'weights': hash_weights(model),
        'config': hash_config(run_config or {}),
        'data': digest.hexdigest()[:32],
        'precision': f'{dtype}, {autocast}',
        'ranks': get_world_size(),
    }


class Scores:
    """An array of scores that is filled from its beginning.

    - ``values``: the float32 array, in memory or a memory map.
    - ``done``: how far along the first axis an earlier run got.
    """

    def __init__(self, shape: tuple[int, ...], writer: PartWriter | None = None) -> None:
        self._writer = writer
        self._marked = self._crc32 = 0
        self.values: np.ndarray = (
            writer.array('scores', shape, 'float32') if writer and np.prod(shape) else np.empty(shape, np.float32)
        )
        # What is not what was written is computed again.
        self.done = writer.done if writer and self._checksum(writer.done) == writer.notes.get('crc32') else 0

    def _checksum(self, done: int) -> int:
        """CRC-32 of the first ``done``, which grows with them."""
        if done < self._marked:
            self._marked = self._crc32 = 0
        self._crc32 = zlib.crc32(np.ascontiguousarray(self.values[self._marked : done]).data, self._crc32)
        self._marked = done
        return self._crc32

    def mark(self, done: int, at_once: bool = False) -> None:
        """The first ``done`` are there; now and then, at the end, and ``at_once``, they are made safe."""
        if self._writer:
            every = 0.0 if at_once or done == len(self.values) else MARK_SECONDS
            self._writer.mark(done, every, crc32=self._checksum(done))


class EvaluationStore:
    """Keeps features and scores of one rank.

    Args:
        folder: for all ranks; None keeps everything in memory.
        header: see :func:`store_header`; a folder that was made with another one is refused, on every rank.

    Raises:
        FeatureStoreError: see above; or the folder holds something else.
        FolderInUseError: another evaluation is writing there.
    """

    def __init__(self, folder: str | Path | None = None, header: Mapping[str, Any] | None = None) -> None:
        self.folder = None if folder is None else Path(folder) / f'rank{get_rank()}'
        if self.folder is None:
            return
        error: Exception | None = None
        try:
            _claim(self.folder, dict(header or {}))
            self._lock = FolderLock(self.folder)
        except (FeatureStoreError, FolderInUseError) as own:
            error = own
        # If one rank refuses and the others go on, they wait for it for ever.
        for refusal in all_gather_object(error):
            if refusal is not None:
                raise refusal

    def close(self) -> None:
        """Lets other evaluations write there."""
        if self.folder is not None:
            self._lock.release()

    def features(self, name: str, dtype: torch.dtype | None) -> FeatureCache:
        """The features ``name`` that are there, to be continued."""
        return FeatureCache(dtype, self.folder / name if self.folder else None)

    def samples(self) -> list[list[dict]]:
        """The samples of each batch of images that is stored, as :meth:`add_samples` got them."""
        if self.folder is None or not (path := self.folder / 'samples.jsonl').exists():
            return []
        try:
            lines = read_utf8(path).split('\n')
            samples = [_read_samples(line, path, number) for number, line in enumerate(lines[:-1], 1)]
        except TextFileError as error:
            raise FeatureStoreError(f'{error}. {_HOW}') from error
        # What follows the last line break was cut off by an interruption.
        with replaced_atomically(path) as temporary:
            temporary.write_text('\n'.join([*lines[:-1], '']), encoding='utf-8')
        return samples

    def add_samples(self, samples: Iterable[dict]) -> None:
        """A batch of images is stored, together with its ``samples``."""
        if self.folder is not None:
            with open(self.folder / 'samples.jsonl', 'a', encoding='utf-8') as file:
                text = json.dumps(list(samples))
                file.write(f'{zlib.crc32(text.encode()):08x} {text}\n')

    def scores(self, name: str, shape: tuple[int, ...], of: Mapping[str, Any]) -> Scores:
        """The scores ``name``, to be continued; those of another ``of`` or shape are made anew."""
        if self.folder is None:
            return Scores(shape)
        writer = PartWriter(self.folder / name, {'shape': list(shape), **of}, [])
        scores = Scores(shape, writer)
        if scores.done:
            print_log(f'{writer.folder}: going on at {scores.done} of {shape[0]}', logger='current')
        return scores


def _read_samples(line: str, path: Path, number: int) -> list[dict]:
    crc32, _, text = line.partition(' ')
    if crc32 != f'{zlib.crc32(text.encode()):08x}':
        raise TextFileError(path, 'damaged: not what was written', number)
    return parse_json(text, path, number)


def _claim(folder: Path, header: dict[str, Any]) -> None:
    """Makes ``folder`` a store of ``header``, or finds that it is one."""
    path = folder / 'store.json'
    if path.exists():
        try:
            found = dict(read_json(path))
        except (ValueError, TypeError) as error:
            raise FeatureStoreError(f'{path} is damaged ({error}). {_HOW}') from error
        refuse_other(folder, found, header, WHAT, _HOW)
        print_log(f'Features and scores that are in {folder} are not computed again.', logger='current')
        return
    if folder.exists() and any(folder.iterdir()):
        raise FeatureStoreError(f'{folder} holds something else than a store of an evaluation. {_HOW}')
    folder.mkdir(parents=True, exist_ok=True)
    write_json(path, header)
