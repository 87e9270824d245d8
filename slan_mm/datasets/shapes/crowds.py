"""``ShapesCrowds``: generated pictures of many shapes, for retrieval that is harder than pre-training."""

from slan_mm.datasets.shapes.dataset import ShapesPairs
from slan_mm.registry import DATASETS


@DATASETS.register_module()
class ShapesCrowds(ShapesPairs):
    """``ShapesPairs`` with 4-6 objects a picture. A caption still names two or three: the others are in its way."""

    num_objects = (4, 6)
    kind = 'crowds'
    METAINFO = {**ShapesPairs.METAINFO, 'dataset_name': 'ShapesCrowds'}
