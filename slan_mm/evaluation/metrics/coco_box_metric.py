"""COCO's box AP for annotation files that are not COCO's own."""

from __future__ import annotations

from typing import Any

from mmdet.evaluation import CocoMetric

from slan_mm.registry import METRICS


@METRICS.register_module()
class CocoBoxMetric(CocoMetric):
    """mmdet's ``CocoMetric``, also of files without the field ``info``.

    The field says who made the file and when; many a cut or a set of one's own has none, and pycocotools >= 2.0.9 stops
    with a KeyError on them. Arguments and results are those of ``CocoMetric``.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self._coco_api is not None:
            self._coco_api.dataset.setdefault('info', {})
