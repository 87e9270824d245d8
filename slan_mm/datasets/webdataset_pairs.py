"""Image-text pairs in tar shards, for sets too large for single files; read by the library ``webdataset``."""

import logging
from collections.abc import Callable, Generator, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from mmengine.dataset import Compose
from mmengine.dist import get_dist_info
from mmengine.logging import print_log
from torch.utils.data import IterableDataset, get_worker_info

from slan_mm.datasets.caption_length import shorten
from slan_mm.datasets.readers.entry import Entry
from slan_mm.datasets.seeding import item_rng
from slan_mm.datasets.shards import expand_shards, read_shard, shard_names
from slan_mm.datasets.unreadable import NUM_SLOTS, ReadCounter, UnreadableImageError, worker_slot
from slan_mm.plain_text import is_blank, is_whole, short
from slan_mm.registry import DATASETS, TRANSFORMS
from slan_mm.text_files import parse_json

_IMAGES = ('jpg', 'jpeg', 'png', 'webp', 'gif', 'bmp', 'tif', 'tiff')
_STRIDE = 1 << 32  # more samples than any shard holds


@DATASETS.register_module()
class WebPairDataset(IterableDataset):
    """Image-text pairs from WebDataset tar shards: in each shard, files ``<key>.jpg`` and ``<key>.txt`` or ``.json``.

    Every (rank, worker) reads its own shards: the shards of an epoch, in an order drawn by (seed, epoch), are dealt
    out in turn. A sample's place in its shard's stream depends on (seed, epoch, shard), its random numbers on
    (seed, epoch, shard, place). Samples that cannot be used (an unreadable image, no caption, an empty caption) are
    skipped, counted and logged; see ``ReadCounter`` for when they stop the run. A damaged shard is read on behind the
    damage; its lost samples count as ``samples_per_shard`` tells, or as many as whole shards have on average.

    In a config: ``sampler=None`` in the data loader, and an iteration-based loop. With ``infinite`` the stream starts
    the next epoch by itself, so that no rank runs dry while others go on.

    *Resuming.* ``seek(epoch, batches, batch_size)`` before the loader is iterated goes on behind the batches that this
    rank took since that epoch began; with the same number of ranks and workers the same samples follow. The skipped
    ones are not decoded; whole shards are not even opened where ``samples_per_shard`` is known. Each unreadable image
    among them shifts the position by one sample, hence this is near to exact and not exact: a set that fits into
    files resumes exactly with ``PairDataset``.

    Args:
        urls: Shards: a path or URL with braces (``cc12m/{00000..01242}.tar``), a glob, or a list of these.
        data_root: Folder that relative paths start from.
        caption_key: Field of the json that holds the caption, or a list of which one is drawn; None reads the txt file.
        image_id_key: Field of the json that holds the image's id; None: '<shard>/<key>', see :func:`shard_names`.
        id_prefix: Put before image and sample ids.
        max_words: Longer captions are cut there; the first in each worker is logged, all are counted in
            ``num_cut``.
        pipeline: Transforms from the ``results`` dict (``img_bytes``, ``img_path``, ``image_id``, ``sample_id``,
            ``text``, ``rng``) to an item; it begins with ``LoadImage``.
        seed: Seed of orders and items.
        shuffle: Samples held to draw from at random; shards are shuffled, too. 0 keeps every order.
        infinite: Go on with the next epoch at the end of one.
        samples_per_shard: Samples in each shard, one number for all or a list, for quick resuming; None: unknown.
        max_unreadable_share: See ``ReadCounter``.
        min_images_judged: See ``ReadCounter``.

    Raises:
        ModuleNotFoundError: The extra ``shards`` is not installed.
        FileNotFoundError: A local shard is missing, or no shard matches.
        ValueError: ``samples_per_shard`` has another length; when iterated: fewer shards than readers.
    """

    def __init__(
        self,
        urls: str | Sequence[str],
        data_root: str = '',
        caption_key: str | None = None,
        image_id_key: str | None = None,
        id_prefix: str = '',
        max_words: int | None = 30,
        pipeline: Sequence[dict | Callable] = (),
        seed: int = 0,
        shuffle: int = 1000,
        infinite: bool = True,
        samples_per_shard: int | Sequence[int] | None = None,
        max_unreadable_share: float = 0.1,
        min_images_judged: int = 100,
    ) -> None:
        super().__init__()
        self.shards = expand_shards(urls, data_root)
        if samples_per_shard is None or isinstance(samples_per_shard, int):
            samples_per_shard = [samples_per_shard] * len(self.shards)
        if len(samples_per_shard) != len(self.shards):
            raise ValueError(f'samples_per_shard has {len(samples_per_shard)} numbers for {len(self.shards)} shards')
        self.samples_per_shard = list(samples_per_shard)
        self._names = dict(zip(self.shards, shard_names(self.shards), strict=True))
        self.caption_key = caption_key
        self.image_id_key = image_id_key
        self.id_prefix = id_prefix
        self.max_words = max_words
        self.pipeline = Compose([TRANSFORMS.build(step) if isinstance(step, dict) else step for step in pipeline])
        self.seed = seed
        self.shuffle = shuffle
        self.infinite = infinite
        self.read_counter = ReadCounter(f'{type(self).__name__} {urls}', max_unreadable_share, min_images_judged)
        # Of each shard that is whole, its samples; of each that is not, those that could be read, and what is wrong.
        self._sizes: dict[int, int] = {}
        self._damaged: dict[int, tuple[int, str]] = {}
        # Asked now: a worker process may know nothing of the process group.
        self.rank, self.world_size = get_dist_info()
        # (epoch, batches, batch size) to start from, where workers that are alive can see it.
        self._start = torch.zeros(3, dtype=torch.int64).share_memory_()
        self._cut = torch.zeros(NUM_SLOTS, dtype=torch.int64).share_memory_()

    @property
    def num_cut(self) -> int:
        """Number of captions cut at ``max_words`` so far, in all workers."""
        return int(self._cut.sum())

    def set_epoch(self, epoch: int) -> None:
        """The next iteration begins at ``epoch``."""
        self.seek(epoch)

    def seek(self, epoch: int, batches: int = 0, batch_size: int = 1) -> None:
        """The next iteration begins at ``epoch``, behind the ``batches`` batches this rank took since it began."""
        self._start[:] = torch.tensor([epoch, batches, batch_size])

    def __iter__(self) -> Iterator[Any]:
        worker = get_worker_info()
        number, workers = (0, 1) if worker is None else (worker.id, worker.num_workers)
        epoch, batches, batch_size = self._start.tolist()
        # A loader takes batches from its workers in turn, beginning with worker 0: batch n came from n % workers.
        reader = (number + batches) % workers
        skip = (batches + workers - 1 - reader) // workers * batch_size
        while True:
            skip = yield from self._epoch_items(epoch, reader, workers, skip)
            if not self.infinite:
                return
            epoch += 1

    def _epoch_items(self, epoch: int, reader: int, workers: int, skip: int) -> Generator[Any, None, int]:
        """Yields the items of an epoch behind the first ``skip`` samples; returns what is left to skip."""
        order = np.arange(len(self.shards))
        if self.shuffle:
            item_rng(self.seed, epoch, 0).shuffle(order)
        readers = self.world_size * workers
        if len(order) < readers:
            raise ValueError(
                f'{len(order)} shards for {readers} readers ({self.world_size} ranks x {workers} workers): use fewer '
                'workers, or write smaller shards.'
            )
        samples, tried, given = 0, 0, 0
        # Dealt to the ranks first, so that ranks differ by one shard at most.
        for shard in order[reader * self.world_size + self.rank :: readers]:
            known = self.samples_per_shard[shard]
            if known is not None and known <= skip:
                skip -= known
                samples += known
                continue
            for place, sample in enumerate(self._shuffled(epoch, int(shard))):
                samples += 1
                if skip:
                    skip -= 1
                    continue
                tried += 1
                item = self._item(sample, epoch, int(shard) * _STRIDE + place)
                if item is not None:
                    given += 1
                    yield item
            self._count_lost()
        self._count_lost(at_least=1)
        # Whatever share may be unreadable: an endless stream of nothing would be waited for.
        if not samples or (tried and not given):
            raise UnreadableImageError(
                f'No sample in the shards of this reader can be read. {self.read_counter.summary()}'
            )
        return skip

    def _shuffled(self, epoch: int, shard: int) -> Iterator[dict]:
        """The undecoded samples of a shard; drawn at random out of ``shuffle`` held ones."""
        rng = item_rng(self.seed, epoch, (len(self.shards) + shard) * _STRIDE)
        held: list[dict] = []
        for sample in self._samples(shard):
            if not self.shuffle:
                yield sample
                continue
            held.append(sample)
            if len(held) > self.shuffle:
                place = int(rng.integers(len(held)))
                held[place], held[-1] = held[-1], held[place]
                yield held.pop()
        rng.shuffle(held)
        yield from held

    def _samples(self, shard: int) -> Iterator[dict]:
        number = 0
        damages: list[str] = []
        for sample in read_shard(self.shards[shard], damages.append):
            number += 1
            yield sample
        if damages:
            self._damaged[shard] = number, '; '.join(dict.fromkeys(damages))
        else:
            self._sizes[shard] = number

    def _count_lost(self, at_least: int = 0) -> None:
        """Counts what damaged shards have lost; where nothing tells how much that is, waits, or takes ``at_least``."""
        for shard, (number, what) in list(self._damaged.items()):
            size = self.samples_per_shard[shard]
            if size is None and self._sizes:
                size = round(sum(self._sizes.values()) / len(self._sizes))
            if size is not None or at_least:
                del self._damaged[shard]
                lost = at_least if size is None else max(0, size - number)
                reason = f'damaged shard, {what}: {number} of its samples can be read, about {lost} are lost'
                self.read_counter.skip(self.shards[shard], reason, lost)

    def _item(self, sample: dict, epoch: int, index: int) -> Any:
        key, shard = sample['__key__'], self._names[sample['__url__']]
        path = f'{sample["__url__"]}::{key if is_whole(key) else ascii(key)}'
        rng = item_rng(self.seed, epoch, index)
        try:
            image = next((sample[suffix] for suffix in _IMAGES if suffix in sample), None)
            if image is None:
                suffixes = sorted(suffix for suffix in sample if not suffix.startswith('__'))
                raise UnreadableImageError(f'{path}: no image among {suffixes}.')
            captions, image_id = self._texts(sample, path)
            # A single one draws no number.
            caption = captions[int(rng.integers(len(captions)))] if len(captions) > 1 else captions[0]
            sample_id = f'{self.id_prefix}{shard}/{key}'
            results = {
                'img_bytes': image,
                'img_path': path,
                'image_id': sample_id if image_id is None else f'{self.id_prefix}{image_id}',
                'sample_id': sample_id,
                'text': self._shorten(caption, path),
                'rng': rng,
            }
            item = self.pipeline(results)
        except UnreadableImageError as error:
            self.read_counter.skip(path, str(error))
            return None
        self.read_counter.read()
        return item

    def _texts(self, sample: dict, path: str) -> tuple[list[str], str | None]:
        """The captions that can be used, and the image's id where the json is to tell it."""
        image_id = None
        try:
            if not is_whole(sample['__key__']):
                raise ValueError('the name is not UTF-8')
            if self.caption_key or self.image_id_key:
                entry = Entry(parse_json(sample['json'].decode('utf-8-sig'), path), path)
            if self.image_id_key:
                image_id = entry.take_id(self.image_id_key, '')
            if self.caption_key:
                captions = entry.take(self.caption_key, (str, list), '', whole=False)
            else:
                captions = sample['txt'].decode('utf-8-sig')
        except (KeyError, ValueError) as error:
            raise UnreadableImageError(f'{path}: no caption or image id ({type(error).__name__}: {error}).') from error
        captions = [captions] if isinstance(captions, str) else captions
        if not all(isinstance(caption, str) for caption in captions):
            raise UnreadableImageError(f'{path}: the caption is {short(captions)}, neither a text nor texts.')
        usable = [caption for caption in captions if not is_blank(caption) and is_whole(caption)]
        if not usable:
            raise UnreadableImageError(f'{path}: the caption is empty or broken, {short(captions)}.')
        return usable, image_id

    def _shorten(self, caption: str, path: str) -> str:
        caption = caption.strip()
        short = shorten(caption, self.max_words)
        if short != caption:
            slot = worker_slot()
            if not self._cut[slot]:
                print_log(
                    f'{path}: caption cut at {self.max_words} words; further ones are counted in num_cut',
                    'current',
                    logging.WARNING,
                )
            self._cut[slot] += 1
        return short
