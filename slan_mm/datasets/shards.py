"""Tar shards of samples: where they are, what they are called, and what is in them, also where they are damaged."""

import glob
import os
import re
import tarfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from slan_mm.extras import require_extra

#: A larger member is no image or caption; a few KB of a compressed shard may hold one that fills the memory.
MOST_BYTES = 2**28
#: No header is longer, with its long names and its list of holes: it is in memory before anything is known of it.
MOST_HEADER_BYTES = 2**20
_META = re.compile(r'__[^/]*__($|/)')  # WebDataset's own files


class _Member(tarfile.TarInfo):
    """A member whose archive counts the blocks that should be headers and are none."""

    @classmethod
    def fromtarfile(cls, archive: Any) -> Any:
        """The next member of ``archive``."""
        try:
            with archive.fileobj.header():
                member = super().fromtarfile(archive)
        except tarfile.EOFHeaderError:  # type: ignore[attr-defined]  # a block of zeros
            archive.has_end = True
            raise
        except tarfile.EmptyHeaderError:  # type: ignore[attr-defined]  # the end of the file
            raise
        except tarfile.HeaderError as error:
            archive.damaged_blocks += 1
            archive.has_end = False
            # The one kind of HeaderError behind which tarfile reads on.
            raise tarfile.InvalidHeaderError(str(error)) from error  # type: ignore[attr-defined]
        archive.has_end = False
        return member


class _Stream:
    """What an archive reads from: within a header, no more than ``MOST_HEADER_BYTES``."""

    def __init__(self, stream: Any) -> None:
        self.stream = stream
        self.left: int | None = None

    @contextmanager
    def header(self) -> Iterator[None]:
        """A header is being read; long names lead to a header within a header."""
        outermost = self.left is None
        if outermost:
            self.left = MOST_HEADER_BYTES
        try:
            yield
        finally:
            if outermost:
                self.left = None

    def read(self, size: int = -1) -> bytes:
        """As files read; raises HeaderError for a header that is too long."""
        if self.left is not None:
            if not 0 <= size <= self.left:
                raise tarfile.HeaderError(f'a header of more than {MOST_HEADER_BYTES} bytes')
            self.left -= size
        return self.stream.read(size)

    def tell(self) -> int:
        """As files do."""
        return self.stream.tell()

    def seek(self, position: int) -> int:
        """As files do."""
        return self.stream.seek(position)

    def close(self) -> None:
        """As files do."""
        self.stream.close()


class _Archive(tarfile.TarFile):
    """A tar file that is read on behind damaged blocks. Python's own stops there, and says nothing."""

    tarinfo = _Member
    damaged_blocks = 0
    has_end = False  # whether the blocks of zeros that end a tar file were the last ones read

    def __init__(self, name: Any = None, mode: Any = 'r', fileobj: Any = None, **options: Any) -> None:
        super().__init__(name, mode, _Stream(fileobj), **options)

    def damage(self) -> str | None:
        """What was wrong with all that was read."""
        if self.damaged_blocks:
            return f'{self.damaged_blocks} blocks of it are damaged'
        return None if self.has_end else 'it breaks off'


def read_shard(url: str, damaged: Callable[[str], None]) -> Iterator[dict]:
    """The samples of a shard, as WebDataset makes them: ``__key__``, ``__url__`` and bytes by suffix.

    Args:
        url: A path, or what ``webdataset.gopen`` opens.
        damaged: Called with each thing that is wrong with the shard; what can be read is read nonetheless.
    """
    from webdataset.gopen import gopen
    from webdataset.tariterators import group_by_keys

    def files() -> Iterator[dict]:
        try:
            with gopen(url) as stream, _Archive.open(fileobj=stream, mode='r|*', ignore_zeros=True) as archive:
                for member in archive:
                    if not member.isreg() or _META.match(member.name):
                        continue
                    if member.size > MOST_BYTES or member.issparse():
                        damaged(f'{member.name!r} has {member.size} bytes, or holes')
                        continue
                    content = archive.extractfile(member)
                    assert content is not None  # of a regular file
                    yield {'fname': member.name, 'data': content.read(), '__url__': url}
                if what := archive.damage():
                    damaged(what)
        except Exception as error:  # of tar, of decompression, of the network
            damaged(f'{type(error).__name__}: {error}')

    def doubled(error: Exception) -> bool:
        damaged(str(error.args[0]))
        return True

    yield from group_by_keys(files(), handler=doubled)


def shard_names(shards: Sequence[str]) -> list[str]:
    """What shards are called in ids: the file's name, with as many folders before it as tell all of them apart."""
    paths = [os.path.splitext(shard)[0].split('/') for shard in shards]
    for depth in range(1, max(map(len, paths)) + 1):
        names = ['/'.join(path[-depth:]) for path in paths]
        if len(set(names)) == len(set(shards)):
            return names
    return list(shards)


def expand_shards(urls: str | Sequence[str], data_root: str = '') -> list[str]:
    """The shards that ``urls`` (braces, globs, lists of these) stand for; local ones are checked to exist."""
    require_extra('shards')
    from webdataset.shardlists import expand_urls

    shards: list[str] = []
    for pattern in [urls] if isinstance(urls, str) else urls:
        for url in expand_urls(pattern):
            if '://' in url or url.startswith('pipe:'):
                shards.append(url)
                continue
            path = os.path.join(data_root, url)
            found = sorted(glob.glob(path)) if glob.has_magic(path) else [path]
            if not found or not all(os.path.isfile(name) for name in found):
                raise FileNotFoundError(f'No shard {path!r} (from urls={pattern!r}). Check data_root and urls.')
            shards += found
    if not shards:
        raise FileNotFoundError(f'urls={urls!r} names no shard.')
    return shards
