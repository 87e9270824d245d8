"""``ShapesGrounding``: generated shapes with boxes in every split, for supervised grounding."""

from typing import Any

from slan_mm.datasets.shapes.dataset import ShapesPairs
from slan_mm.registry import DATASETS


@DATASETS.register_module()
class ShapesGrounding(ShapesPairs):
    """``ShapesPairs(task='grounding')`` whose train split has boxes, too; its captions are new each epoch.

    A class of its own, so that no config can train ``ShapesPairs`` on boxes by a slip of its arguments.

    Args:
        kwargs: See ``ShapesPairs``; its ``task`` is not to be given.
    """

    boxes_in_train = True

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(task='grounding', **kwargs)
