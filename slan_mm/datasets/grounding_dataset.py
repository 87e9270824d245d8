"""Captions with phrases and their boxes: grounding, and its training where boxes may be learned from."""

import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mmengine.logging import print_log

from slan_mm.datasets.image_text_dataset import ImageTextDataset
from slan_mm.datasets.readers.boxes import POLICIES
from slan_mm.datasets.readers.captions import check_image_root, check_some_images
from slan_mm.datasets.readers.entities import read_entities
from slan_mm.datasets.readers.entry import AnnotationError
from slan_mm.datasets.readers.grounding_record import GroundingRecord
from slan_mm.datasets.readers.mdetr import read_mdetr
from slan_mm.datasets.readers.odvg import read_odvg
from slan_mm.datasets.readers.refer import read_refer
from slan_mm.registry import DATASETS

FORMATS = ('mdetr', 'entities', 'refer', 'mdetr_refexp', 'odvg')


@DATASETS.register_module()
class GroundingDataset(ImageTextDataset):
    """One item an (image, caption) pair whose caption has at least one phrase.

    An item's data sample carries ``text`` (the caption as it stands in the file: spans count its characters),
    ``phrases`` (list of dict(spans: list of [start, end), boxes: float (n, 4) absolute xyxy in ORIGINAL pixels,
    category: list of str or None, phrase_id: str)) and ``ori_shape``, the (height, width) the boxes refer to. Phrases
    without a box stay, with n = 0. Captions without any phrase ask nothing and are left out, with a message.

    Args:
        ann_file: The json file ('mdetr', 'mdetr_refexp'), the json lines ('odvg'), the folder of ``Sentences/`` and
            ``Annotations/`` ('entities'), or the list of expressions, ``refs(...).p`` or a json of the same ('refer');
            below ``data_root``.
        format: 'mdetr' (also GLIP's files), 'odvg' (MM-Grounding-DINO's), 'entities', 'refer' (RefCOCO, RefCOCO+,
            RefCOCOg as their authors publish them) or 'mdetr_refexp' (the same as MDETR publishes them). In the last
            two a caption is one expression: its only phrase is the whole of it, and has one box.
        split: For 'entities', the image list ``<split>.txt``; for 'refer', e.g. 'testA'. None takes all.
        instances: For 'refer', COCO's ``instances.json``, below ``data_root``.
        label_map_file: For 'odvg', the names of labels, below ``data_root``; None: detections name their categories.
        bad_boxes: 'error' refuses a file with a box that is none: not four finite numbers, or without width or height.
            'drop' leaves such boxes out, and logs how many; more than half of all are an error.
        test_mode: On unless told otherwise. Off, an unreadable image is skipped and counted.
        kwargs: See ``ImageTextDataset``.

    Raises:
        FileNotFoundError: A file or folder is missing.
        AnnotationError: The annotation is not what it should be; the message names file and line.
    """

    def __init__(
        self,
        ann_file: str = '',
        format: str = 'mdetr',
        split: str | None = None,
        instances: str | None = None,
        label_map_file: str | None = None,
        bad_boxes: str = 'error',
        test_mode: bool = True,
        **kwargs: Any,
    ) -> None:
        if format not in FORMATS:
            raise ValueError(f'format must be one of {FORMATS}, got {format!r}')
        if bad_boxes not in POLICIES:
            raise ValueError(f'bad_boxes must be one of {POLICIES}, got {bad_boxes!r}')
        if format.startswith(('mdetr', 'odvg')) and split is not None:
            raise ValueError(f'format {format!r} has a file for each split: leave split=None, got {split!r}')
        if (format == 'refer') != (instances is not None):
            raise ValueError("format 'refer', and no other, needs instances, COCO's instances.json with the boxes")
        if label_map_file is not None and format != 'odvg':
            raise ValueError(f"label_map_file is for format 'odvg', got {format!r}")
        self.format = format
        self.split = split
        self.instances = instances
        self.label_map_file = label_map_file
        self.bad_boxes = bad_boxes
        super().__init__(ann_file=ann_file, test_mode=test_mode, **kwargs)

    def _records(self, source: Path) -> Iterator[GroundingRecord]:
        if self.format == 'entities':
            return read_entities(source, self.img_root, self.split)
        if self.format == 'refer':
            return read_refer(source, Path(self.data_root) / str(self.instances), self.img_root, self.split)
        if self.format == 'odvg':
            labels = None if self.label_map_file is None else Path(self.data_root) / self.label_map_file
            return read_odvg(source, self.img_root, labels)
        return read_mdetr(source, self.img_root, whole_caption=self.format == 'mdetr_refexp')

    def load_data_list(self) -> list[dict]:
        """Reads and checks the annotation."""
        check_image_root(self.img_root)
        source = Path(self.ann_file or self.data_root)
        items, without, boxes = [], 0, 0
        dropped: list[str] = []
        samples: set[str] = set()
        for record in self._records(source):
            dropped += record.check(self.bad_boxes)
            boxes += sum(len(phrase.boxes) for phrase in record.phrases)
            if record.sample_id in samples:
                record.entry.fail(f'a second caption with id {record.sample_id!r}', 'Give every caption its own.')
            samples.add(record.sample_id)
            if not record.phrases:
                without += 1
                continue
            phrases = [
                {'spans': p.spans, 'boxes': p.boxes, 'category': p.category, 'phrase_id': p.phrase_id}
                for p in record.phrases
            ]
            items.append(
                {
                    'img_path': record.img_path,
                    'image_id': self.id_prefix + record.image_id,
                    'sample_id': self.id_prefix + record.sample_id,
                    'ori_shape': record.size,
                    'text': record.text,
                    'phrases': phrases,
                }
            )
        self._report_dropped(source, dropped, boxes)
        _match_ids(items, self.img_root, source)
        if without:
            print_log(f'{source}: {without} captions without a phrase were left out', 'current')
        if not items:
            raise AnnotationError(
                f'{source}: no caption with a phrase{f" in split {self.split}" if self.split else ""}.'
            )
        check_some_images([item['img_path'] for item in items], self.img_root, source)
        return items

    def _report_dropped(self, source: Path, dropped: list[str], kept: int) -> None:
        if len(dropped) > kept:
            raise AnnotationError(
                f'{source}: {len(dropped)} of {len(dropped) + kept} boxes are none, the first of {dropped[0]}. Is '
                f'format={self.format!r} the right one?'
            )
        if dropped:
            print_log(
                f'{source}: {len(dropped)} of {len(dropped) + kept} boxes were left out, the first of {dropped[0]}',
                'current',
                logging.WARNING,
            )


def _match_ids(items: list[dict], root: str, source: Path) -> None:
    """Has each image one id, and each id one image: samples of one id are never each other's negatives.

    Files may be called dog.jpg and dog.png, and those that mix data sets use their numbers again.
    """
    ids: dict[str, str] = {}
    owners: dict[str, str] = {}
    changed = 0
    for item in items:
        picture, own = os.path.normpath(item['img_path']), item['image_id']
        if picture not in ids:
            ids[picture] = (
                own if owners.setdefault(own, picture) == picture else f'{own}#{os.path.relpath(picture, root)}'
            )
        item['image_id'] = ids[picture]
        changed += own != ids[picture]
    if changed:
        print_log(
            f'{source}: {changed} of {len(items)} captions have an image id that stands for two images, or one of two '
            'ids of their image: each image has an id of its own now',
            'current',
            logging.WARNING,
        )
