"""``ShapesCrowds``: generated pictures of many shapes, for retrieval that is harder than pre-training."""

from slan_mm.datasets.seeding import split_index
from slan_mm.datasets.shapes.dataset import ShapesPairs
from slan_mm.registry import DATASETS


@DATASETS.register_module()
class ShapesCrowds(ShapesPairs):
    """``ShapesPairs`` with 4-6 objects a picture. A caption still names two or three: the others are in its way."""

    num_objects = (4, 6)
    METAINFO = {**ShapesPairs.METAINFO, 'dataset_name': 'ShapesCrowds'}

    def get_data_info(self, index: int) -> dict:
        """Ids of an item, without drawing it."""
        _, index = split_index(index, len(self))
        name = f'crowds-{self.split}-{index}'
        return {'image_id': name, 'sample_id': name, 'img_path': f'shapes-crowds://{self.split}/{index}'}
