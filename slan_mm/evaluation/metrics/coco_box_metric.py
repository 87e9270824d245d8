"""COCO's box AP for annotation files that are not COCO's own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from mmdet.evaluation import CocoMetric
from mmengine.fileio import get_local_path

from slan_mm.datasets.coco_file import CocoFile
from slan_mm.registry import METRICS


@METRICS.register_module()
class CocoBoxMetric(CocoMetric):
    """mmdet's ``CocoMetric``, whose label n is the n-th of the data set's classes, whatever the file's order.

    It also reads files without ``info``, ``iscrowd`` or ``area``. Arguments and results are those of ``CocoMetric``.

    Raises:
        AnnotationError: The file lacks a class of the data set, or is not of COCO's layout; see :class:`CocoFile`.
    """

    def __init__(
        self, ann_file: str | None = None, *args: Any, backend_args: dict | None = None, **kwargs: Any
    ) -> None:
        super().__init__(None, *args, backend_args=backend_args, **kwargs)
        if ann_file is not None:
            with get_local_path(ann_file, backend_args=backend_args) as local_path:
                self._coco_api = CocoFile(local_path)

    def process(self, data_batch: dict, data_samples: Sequence[dict]) -> None:
        """Takes the boxes of a batch, as mmdet's.

        Raises:
            ValueError: A box or a score is not finite: pycocotools would count it as wrong.
        """
        for sample in data_samples:
            found = sample['pred_instances']
            if not all(torch.as_tensor(found[name]).isfinite().all() for name in ('bboxes', 'scores')):
                raise ValueError(
                    f'Image {sample.get("img_id")!r}: predicted boxes or scores are not finite. The weights may have '
                    'diverged, or half precision overflowed; try without fp16.'
                )
        super().process(data_batch, data_samples)

    @property
    def dataset_meta(self) -> dict | None:
        """What the data set says of itself; set before the first batch, so a wrong class is refused before training."""
        return self._dataset_meta

    @dataset_meta.setter
    def dataset_meta(self, dataset_meta: dict) -> None:
        self._dataset_meta = dataset_meta
        if isinstance(self._coco_api, CocoFile):
            by_label = self._coco_api.get_cat_ids(cat_names=dataset_meta['classes'])
            # pycocotools sorts the ids before it evaluates: the results of each class would have another's name.
            self.cat_ids = sorted(by_label)
            self._places = np.array([self.cat_ids.index(number) for number in by_label])

    def results2json(self, results: Sequence[dict], outfile_prefix: str) -> dict:
        """Writes the found boxes with the category ids of the annotation file; see ``CocoMetric``."""
        if isinstance(self._coco_api, CocoFile):
            results = [dict(result, labels=self._places[result['labels']]) for result in results]
        return super().results2json(results, outfile_prefix)
