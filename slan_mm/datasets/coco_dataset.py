"""``CocoDataset``: COCO's layout, with labels in the order of the class list."""

from mmdet.datasets import CocoDataset as MMDetCocoDataset

from slan_mm.datasets.coco_file import CocoFile
from slan_mm.registry import DATASETS


@DATASETS.register_module()
class CocoDataset(MMDetCocoDataset):
    """mmdet's ``CocoDataset``, whose label n is the n-th of ``metainfo['classes']``, whatever the file's order.

    Arguments are those of mmdet's class. Classes that are not named keep no boxes.

    Raises:
        AnnotationError: The file lacks a class, or is not of COCO's layout; see :class:`CocoFile`.
    """

    COCOAPI = CocoFile
