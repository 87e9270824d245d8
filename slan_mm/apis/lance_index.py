"""An index of images in LanceDB. Several processes, also on several machines, can add and search at the same time.

A folder with the tables ``header.lance`` (model and settings) and ``pictures.lance``, one row per image, and with
``features/`` as in :class:`PictureIndex`. Each save adds a fragment of rows and a version, without waiting. An image
that two have added at once has two rows, of which the one with the higher id, the later one, counts.
"""

from __future__ import annotations

import json
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from functools import cached_property, partial
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from torch import Tensor

from slan_mm.apis.index_parts import EMPTY, FORMAT, Found, PictureIndexError, changed_pictures, check_header
from slan_mm.apis.lance_rows import COLUMNS, check_embeddings, make_rows, read_pictures, read_rows
from slan_mm.apis.picture_features import PictureFeatures
from slan_mm.apis.picture_summary import PictureSummary
from slan_mm.apis.picture_table import IndexedPicture, check_queries
from slan_mm.extras import require_extra
from slan_mm.folder_lock import FolderInUseError, FolderReader, admit_readers, lock_out_readers
from slan_mm.own_files import claim
from slan_mm.structures import ImageFeatures

#: From so many pictures on an approximate index (IVF, HNSW) is made of the embeddings.
INDEX_FROM = 200_000
#: Fragments of fewer rows than LanceDB's 2 ** 20 are joined when there are so many: the first number at least, one more
#: each so many rows, the last number at most. So a row is written again about five times, however large the index gets.
_JOIN_FROM, _ROWS_EACH, _JOIN_AT = 20, 4000, 250


class LanceIndex:
    """The index in ``folder``, with the methods of :class:`PictureIndex`.

    Changes by :meth:`add` and :meth:`remove` take effect with :meth:`save`. The index shows the opened version and its
    own saves.

    Args:
        folder, header: see :class:`PictureIndex`.

    Raises:
        ModuleNotFoundError: LanceDB is not installed.
        PictureIndexError: there is no index and no ``header``, it is damaged, or it has another header.
    """

    def __init__(self, folder: str | Path, header: Mapping[str, Any] | None = None) -> None:
        require_extra('lancedb')
        self.folder = Path(folder)
        self.features = PictureFeatures(self.folder / 'features')
        self.store_features = False
        self._added: list[tuple[IndexedPicture, PictureSummary]] = []
        self._removed: list[int] = []
        self._last_id = 0
        self._table: Any = None
        self._reader = FolderReader(self.folder)
        if is_lance(self.folder):
            self._open(header)
        elif header is None:
            raise PictureIndexError(f'{self.folder} is no index of pictures. Make one: python tools/index.py add')
        else:
            self.header = {'format': FORMAT, **header}

    def _database(self) -> Any:
        import lancedb

        return lancedb.connect(str(self.folder))

    def _open(self, header: Mapping[str, Any] | None) -> None:
        try:
            database = self._database()
            rows = database.open_table('header').to_arrow().to_pylist()
            content = json.loads(rows[0]['content'])
            self.header, self.store_features = dict(content['header']), content['store_features'] is True
        except Exception as error:  # of LanceDB, which has no class of its own for them
            raise self._damaged(error) from error
        check_header(self.folder, self.header, header)
        try:
            self._table = database.open_table('pictures') if 'pictures' in _names(database) else None
        except Exception as error:
            raise self._damaged(error) from error

    def _damaged(self, what: object) -> PictureIndexError:
        reason = ' '.join(str(what).split())
        return PictureIndexError(
            f'The index of pictures {self.folder} is damaged ({reason}). Remove the folder and index the pictures '
            'again: python tools/index.py add'
        )

    @cached_property
    def pictures(self) -> dict[str, IndexedPicture]:
        """The images by path."""
        if self._table is None:
            return {}
        try:
            found = sorted(read_pictures(self._columns(*COLUMNS, 'picture_crc32')), key=lambda picture: picture.id)
        except Exception as error:
            raise self._damaged(error) from error
        pictures = {picture.path: picture for picture in found}
        # Else they would be back when the newer row is removed.
        self._removed += [picture.id for picture in found if pictures[picture.path] is not picture]
        return pictures

    def _columns(self, *names: str) -> Any:
        """Those of the columns ``names`` that the table has, of all rows."""
        own = [name for name in names if name in self._table.schema.names]
        return self._table.search().select(own).limit(self._table.count_rows()).to_arrow()

    @cached_property
    def _is_whole(self) -> bool:
        """Whether embeddings are what was written: a damaged one may not be among the nearest, where it belongs."""
        # A search that goes through an approximate index does not read them all.
        if self._table.count_rows() < INDEX_FROM:
            check_embeddings(self._columns('embedding', 'embedding_sum'))
        return True

    def __len__(self) -> int:
        return len(self.pictures)

    def changed(self, paths: Sequence[str]) -> list[str]:
        """Those of ``paths`` that are not in the index, or whose files were changed or removed."""
        return changed_pictures(self.pictures, paths)

    def __enter__(self) -> LanceIndex:
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        pass

    def add(
        self,
        paths: Sequence[str],
        shapes: Sequence[tuple[int, int]],
        states: Sequence[tuple[int, int]],
        features: ImageFeatures,
    ) -> None:
        """See :meth:`PictureIndex.add`."""
        summary = PictureSummary.checked(features)
        self._claim()
        self.remove([path for path in paths if path in self.pictures])
        for row, path in enumerate(paths):
            # Later ones are higher, and no two processes take the same.
            self._last_id = max(time.time_ns(), self._last_id + 1)
            if self.store_features:
                self.features.put(self._last_id, features[row : row + 1])
            picture = IndexedPicture(self._last_id, path, *shapes[row], *states[row])
            self.pictures[path] = picture
            self._added.append((picture, summary[row : row + 1]))

    def _claim(self) -> None:
        if not is_lance(self.folder):
            claim(self.folder, ['header.lance', 'pictures.lance', 'features'], 'an index')
        admit_readers(self.folder)
        self._reader = FolderReader(self.folder)

    def remove(self, paths: Sequence[str]) -> None:
        """Removes images.

        Raises:
            KeyError: a path is not in the index.
        """
        unknown = sorted(set(paths) - self.pictures.keys())
        if unknown:
            raise KeyError(f'not in the index {self.folder}: {", ".join(unknown)}')
        self._removed += [self.pictures.pop(path).id for path in dict.fromkeys(paths)]

    def save(self) -> None:
        """Saves the added and removed images in the index.

        Raises:
            FileExistsError: a new index would overwrite files that an index has not written.
        """
        self._claim()
        database = self._database()
        content = json.dumps({'header': self.header, 'store_features': self.store_features})
        if 'header' not in _names(database):
            database.create_table('header', [{'content': content}], exist_ok=True)
        elif database.open_table('header').to_arrow().to_pylist()[0]['content'] != content:
            database.create_table('header', [{'content': content}], mode='overwrite')
        removed = set(self._removed)
        rows = [entry for entry in self._added if entry[0].id not in removed]
        if rows:
            names = None if self._table is None else self._table.schema.names
            summary = PictureSummary.cat([summary for _, summary in rows])
            table = make_rows([picture for picture, _ in rows], summary, names)
            if self._table is None:
                self._table = database.create_table('pictures', schema=table.schema, exist_ok=True)
            self._table.checkout_latest()
            self._table.add(table)
        # After the new rows: whoever is killed between both leaves two rows of a picture, and the later one counts.
        if self._table is not None and removed:
            self._table.checkout_latest()
            self._table.delete(f'id IN ({", ".join(map(str, sorted(removed)))})')
        self._added, self._removed = [], []
        if self._table is not None:
            self._tidy()
        self.__dict__.pop('pictures', None)
        self.__dict__.pop('_is_whole', None)

    def _tidy(self) -> None:
        """Joins fragments and indexes the embeddings, when it is time."""
        try:
            if self._is_scattered():
                self._table.optimize()
            if self._table.count_rows() >= INDEX_FROM and not self._table.list_indices():
                self._table.create_index(metric='dot', vector_column_name='embedding', index_type='IVF_HNSW_SQ')
        except RuntimeError as error:
            # Another process has changed these rows meanwhile: a later saving does it.
            if 'commit conflict' not in str(error):
                raise

    def _is_scattered(self) -> bool:
        """Whether there are so many small fragments that joining them is worth its time."""
        counted = self._table.stats()
        loose = counted['fragment_stats']['num_fragments'] - (counted['num_rows'] >> 20)
        return loose >= min(max(_JOIN_FROM, counted['num_rows'] // _ROWS_EACH), _JOIN_AT)

    def compact(self) -> None:
        """Joins small fragments, and removes from the disk what only earlier versions had.

        Raises:
            FolderInUseError: another process has opened the index.
        """
        self.save()
        self._reader.release()
        alone = lock_out_readers(self.folder)
        if alone is None:
            self._reader = FolderReader(self.folder)
            raise FolderInUseError(f'{self.folder} is in use by another process. Wait until that has ended')
        with alone, warnings.catch_warnings():
            # LanceDB warns of other processes, which wait.
            warnings.simplefilter('ignore', UserWarning)
            for name in _names(self._database()):
                self._database().open_table(name).optimize(cleanup_older_than=timedelta(0))
        self._reader = FolderReader(self.folder)
        self._open(None)

    def saved(self, count: int) -> Iterator[Found]:
        """The saved images, at most ``count`` at a time."""
        import pyarrow as pa
        import pyarrow.compute as pc

        if self._table is None:
            return
        newest = pa.array([picture.id for picture in self.pictures.values()], pa.int64())
        waiting = self._told(lambda: self._table.schema.empty_table())
        batches = iter(self._batches(count))
        # A batch ends where a fragment does.
        while (batch := self._told(lambda: next(batches, None))) is not None:
            rows = pa.table(batch)
            waiting = pa.concat_tables([waiting, rows.filter(pc.is_in(rows['id'], newest))])
            while len(waiting) >= count:
                yield self._told(partial(read_rows, waiting.slice(0, count)))
                waiting = waiting.slice(count)
        if len(waiting):
            yield self._told(partial(read_rows, waiting))

    def _batches(self, count: int) -> Iterator[Any]:
        yield from self._table.search().limit(self._table.count_rows()).to_batches(count)

    def _told(self, read: Callable[[], Any]) -> Any:
        """What ``read`` returns; its errors, of LanceDB and of damaged rows, as one of this index."""
        try:
            return read()
        except Exception as error:  # of LanceDB, which has no class of its own for them
            raise self._damaged(error) from error

    def nearest(self, embeddings: Tensor, count: int) -> list[Found]:
        """See :meth:`PictureIndex.nearest`."""
        if self._table is None or not self._told(self._table.count_rows):
            raise PictureIndexError(EMPTY.format(folder=self.folder))
        check_queries(embeddings, self._told(lambda: self._table.schema.field('embedding').type.list_size))
        self._told(lambda: self._is_whole)
        return [self._told(partial(self._nearest, query, count)) for query in embeddings.float().cpu().numpy()]

    def _nearest(self, query: np.ndarray, count: int) -> Found:
        # LanceDB's own multi-vector search compares by the plain cosine, and needs regions in floating point; the mixed
        # score weighs words. So rows come with their regions, and the cascade scores them.
        search = self._table.search(query, vector_column_name='embedding').distance_type('dot')
        found = search.limit(count + max(count // 10, 8)).to_arrow()
        pictures = read_pictures(found)
        newest: dict[str, int] = {}
        for picture in pictures:
            newest[picture.path] = max(newest.get(picture.path, -1), picture.id)
        kept = [row for row, picture in enumerate(pictures) if newest[picture.path] == picture.id][:count]
        return read_rows(found.take(kept))


def is_lance(folder: Path) -> bool:
    """Whether ``folder`` has an index in LanceDB."""
    return (folder / 'header.lance').is_dir()


def _names(database: Any) -> Iterable[str]:
    return database.list_tables().tables if hasattr(database, 'list_tables') else database.table_names()
