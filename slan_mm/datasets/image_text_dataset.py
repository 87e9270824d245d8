"""What the data sets on files share: seeding, epochs, unreadable images."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from mmengine.dataset import BaseDataset

from slan_mm.datasets.seeding import item_rng, split_index
from slan_mm.datasets.unreadable import ReadCounter, UnreadableImageError
from slan_mm.registry import TRANSFORMS


class ImageTextDataset(BaseDataset):
    """A map-style data set of images with text; the base of pairs, retrieval and grounding.

    - Each item's ``results`` carries ``rng``, a generator that depends on (seed, epoch, index) alone.
    - An image that cannot be read is counted and logged with its path. In training another sample takes its place,
      drawn by (seed, epoch, index), too; above ``max_unreadable_share`` the run stops with a summary. In evaluation
      (``test_mode``) it is an error, because a score over fewer images is another protocol's, unless
      ``drop_unreadable`` removed such images when the data set was built.
    - ``dataset[index + epoch * len(dataset)]`` is item ``index`` of ``epoch``, see ``split_index``; ``set_epoch`` sets
      the epoch such epochs count from.

    Args:
        ann_file: Annotation file, below ``data_root``.
        data_root: Folder that ``ann_file`` and ``data_prefix`` start from.
        data_prefix: ``dict(img=...)``, the folder of the images, below ``data_root``.
        id_prefix: Put before image and sample ids, so that ids of different data sets never meet when concatenated.
        pipeline: Transforms from the ``results`` dict to an item.
        seed: Seed of everything random in an item.
        max_unreadable_share: See above; 1 never stops.
        min_images_judged: Images that must have been tried before the share is judged.
        drop_unreadable: Decode every image when the data set is built, and leave out those that cannot be read.
        kwargs: Further arguments of ``mmengine.BaseDataset``: ``indices`` (the first n items, or a list of indices),
            ``test_mode``, ``metainfo``, ``lazy_init``, ``serialize_data``, ``max_refetch``.
    """

    #: ``ResumableSampler`` may pack the epoch into the index.
    takes_epoch = True

    def __init__(
        self,
        ann_file: str = '',
        data_root: str = '',
        data_prefix: dict | None = None,
        id_prefix: str = '',
        pipeline: Sequence[dict | Callable] = (),
        seed: int = 0,
        max_unreadable_share: float = 0.1,
        min_images_judged: int = 100,
        drop_unreadable: bool = False,
        **kwargs: Any,
    ) -> None:
        self.id_prefix = id_prefix
        self.seed = seed
        self.drop_unreadable = drop_unreadable
        self.read_counter = ReadCounter(
            f'{type(self).__name__} {ann_file or data_root}', max_unreadable_share, min_images_judged
        )
        # Shared memory: workers that live over several epochs see the new epoch, too.
        self._epoch = torch.zeros(1, dtype=torch.int64).share_memory_()
        # Built here and not by BaseDataset, which finds our transforms under our default scope only.
        steps = [TRANSFORMS.build(step) if isinstance(step, dict) else step for step in pipeline]
        super().__init__(
            ann_file=ann_file, data_root=data_root, data_prefix=data_prefix or {'img': ''}, pipeline=steps, **kwargs
        )

    @property
    def img_root(self) -> str:
        """The folder of the images."""
        return self.data_prefix.get('img', '')

    @property
    def epoch(self) -> int:
        """The current epoch."""
        return int(self._epoch[0])

    def set_epoch(self, epoch: int) -> None:
        """Sets the epoch, for this process and every worker; call it before the epoch's loader is iterated."""
        self._epoch[0] = epoch

    def filter_data(self) -> list[dict]:
        """The data list; with ``drop_unreadable`` without the images that cannot be decoded."""
        if not self.drop_unreadable:
            return self.data_list
        from slan_mm.datasets.transforms.load_image import load_image  # the transforms import this package

        # A pipeline that reads another kind of file says how one is tried.
        try_file = next((step.try_file for step in self.pipeline.transforms if hasattr(step, 'try_file')), load_image)
        kept, verdicts = [], {}
        for info in self.data_list:
            paths = _paths(info)
            for path in paths:
                if path in verdicts:
                    continue
                try:
                    try_file(path)
                    self.read_counter.read()
                    verdicts[path] = True
                except UnreadableImageError as error:
                    self.read_counter.skip(path, str(error))
                    verdicts[path] = False
            if all(verdicts[path] for path in paths):
                kept.append(info)
        if not kept:
            raise ValueError(f'No image of {self.ann_file} can be read. {self.read_counter.summary()}')
        return kept

    def prepare_data(self, idx: int, epoch: int = 0) -> Any:
        """Item ``idx`` of ``epoch`` after the pipeline; None where its image cannot be read in training."""
        info = self.get_data_info(idx)
        rng = item_rng(self.seed, self.epoch + epoch, idx)
        reason = 'a transform gave it up'
        try:
            item = self.pipeline({**self.make_results(info, rng), 'rng': rng})
        except UnreadableImageError as error:
            item, reason = None, str(error)
        if item is not None:
            self.read_counter.read()
        elif self.test_mode:
            raise UnreadableImageError(
                f'{", ".join(_paths(info))}: {reason} An evaluation on fewer images would be another protocol: repair '
                f'the file, take it out of {self.ann_file}, or set drop_unreadable=True on the data set.'
            )
        else:
            self.read_counter.skip(', '.join(_paths(info)), reason)
        return item

    def make_results(self, info: dict, rng: np.random.Generator) -> dict:
        """``results`` of an entry of the data list, before the pipeline."""
        return info

    def __getitem__(self, idx: int) -> Any:
        """Item ``idx``, which may carry an epoch; another one's where its image cannot be read in training.

        Raises:
            UnreadableImageError: In training, ``max_refetch`` others were no better; in evaluation, at once.
            TooManyUnreadableError: Too large a share of the images tried cannot be read.
        """
        epoch, idx = split_index(int(idx), len(self))
        item = self.prepare_data(idx, epoch)
        # The fourth number keeps these draws apart from the item's own.
        others = np.random.default_rng([self.seed, self.epoch + epoch, idx, 1])
        for _ in range(self.max_refetch):
            if item is not None:
                return item
            item = self.prepare_data(int(others.integers(len(self))), epoch)
        if item is None:
            raise UnreadableImageError(
                f'{self.max_refetch + 1} samples in a row could not be read. {self.read_counter.summary()}'
            )
        return item

    def __iter__(self) -> Iterator[Any]:
        """One epoch in order. (Without it iteration would go on into the next epochs.)"""
        return (self[idx] for idx in range(len(self)))


def _paths(info: dict) -> list[str]:
    """The files of an entry of the data list: one, or the list of several that make one item."""
    paths = info['img_path']
    return [paths] if isinstance(paths, str) else list(paths)
