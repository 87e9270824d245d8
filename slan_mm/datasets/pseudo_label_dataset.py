"""``PseudoLabelDataset``: a COCO file whose boxes have scores."""

from slan_mm.datasets.coco_dataset import CocoDataset
from slan_mm.registry import DATASETS


@DATASETS.register_module()
class PseudoLabelDataset(CocoDataset):
    """``CocoDataset`` that knows how sure a picture's boxes are.

    ``weight`` of an item is the mean ``score`` of its annotations; without scores it is 1, as for true boxes.
    """

    def parse_data_info(self, raw_data_info: dict) -> dict:
        """mmdet's, with ``weight``."""
        scores = [float(one.get('score', 1.0)) for one in raw_data_info['raw_ann_info']]
        info = super().parse_data_info(raw_data_info)
        return dict(info, weight=sum(scores) / len(scores) if scores else 1.0)
