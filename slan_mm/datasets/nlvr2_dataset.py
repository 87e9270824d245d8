"""Sentences that are true or false of two photographs."""

import logging
import os
from pathlib import Path

from mmengine.logging import print_log

from slan_mm.datasets.image_text_dataset import ImageTextDataset
from slan_mm.datasets.readers.captions import check_image_root
from slan_mm.datasets.readers.entry import AnnotationError
from slan_mm.datasets.readers.nlvr2 import read_nlvr2
from slan_mm.registry import DATASETS


@DATASETS.register_module()
class NLVR2Dataset(ImageTextDataset):
    """One item a sentence with its two photographs, left before right.

    ``results['img_path']`` is a list of two paths, which ``mmpretrain.ApplyToList`` reads one by one (see
    ``configs/_base_/datasets/nlvr2.py``). An item's data sample carries ``text`` (the sentence), ``gt_label`` (1: true,
    0: false), ``sample_id`` (the official identifier) and ``image_id`` (that of the pair of photographs).

    The photographs were collected on the web, and some are gone. An example whose photograph is not in its folder is
    left out and counted: one line in the log, and ``metainfo['left_out']``, which the metric repeats beside its score.
    Files that are there but cannot be read are dealt with as in every ``ImageTextDataset``.

    Args:
        ann_file: ``train.json``, ``dev.json``, ``test1.json`` or ``test2.json`` (or a balanced or unbalanced subset of
            one) of the official release; below ``data_root``.
        kwargs: See ``ImageTextDataset``; ``data_prefix=dict(img=...)`` is the folder that holds ``images/train/``,
            ``dev/``, ``test1/`` and ``test2/``.

    Raises:
        FileNotFoundError: The file or the folder is missing, or no example has both photographs.
        AnnotationError: See :func:`~slan_mm.datasets.readers.nlvr2.read_nlvr2`.
    """

    METAINFO = {'dataset_name': 'NLVR2', 'classes': ('False', 'True')}

    def load_data_list(self) -> list[dict]:
        """Reads the file; leaves out examples without photographs."""
        check_image_root(self.img_root)
        items, missing, without = [], {}, 0
        folders: dict[str, frozenset[str]] = {}
        for record in read_nlvr2(Path(self.ann_file), self.img_root):
            absent = [path for path in (record.left, record.right) if not _is_there(path, folders)]
            missing.update(dict.fromkeys(absent))
            without += bool(absent)
            if not absent:
                items.append(
                    {
                        'img_path': [record.left, record.right],
                        'image_id': self.id_prefix + record.pair,
                        'sample_id': self.id_prefix + record.identifier,
                        'text': record.sentence,
                        'gt_label': record.label,
                    }
                )
        total = len(items) + without
        if not total:
            raise AnnotationError(f'{self.ann_file}: no example in this file. Is it the right one?')
        if not items:
            raise FileNotFoundError(
                f'{self.ann_file}: not one of {total} examples has its photographs, e.g. {next(iter(missing))!r}. '
                f'{self.img_root!r} should hold images/train/0 to 99, dev and test1, as the official archives unpack.'
            )
        if missing:
            print_log(
                f'{self.ann_file}: {len(missing)} photographs are missing, the first is {next(iter(missing))}; '
                f'{without} of {total} examples are left out',
                'current',
                logging.WARNING,
            )
        self._metainfo.update(left_out=without)
        return items


def _is_there(path: str, folders: dict[str, frozenset[str]]) -> bool:
    """Whether a file exists; each folder is listed once, which is quicker than asking for 170,000 files."""
    folder, name = os.path.split(path)
    if folder not in folders:
        folders[folder] = frozenset(os.listdir(folder) if os.path.isdir(folder) else ())
    return name in folders[folder]
