"""``PseudoLabelDataset``: a COCO file whose boxes have scores."""

from slan_mm.datasets.coco_dataset import CocoDataset
from slan_mm.datasets.readers.entry import AnnotationError
from slan_mm.plain_text import short
from slan_mm.registry import DATASETS


@DATASETS.register_module()
class PseudoLabelDataset(CocoDataset):
    """``CocoDataset`` that knows how sure a picture's boxes are.

    ``weight`` of an item is the mean ``score`` of its annotations; without scores it is 1, as for true boxes.

    Raises:
        AnnotationError: A score is no number from 0 to 1; see :class:`CocoDataset`.
    """

    def parse_data_info(self, raw_data_info: dict) -> dict:
        """mmdet's, with ``weight``."""
        scores = [one.get('score', 1.0) for one in raw_data_info['raw_ann_info']]
        for one, score in zip(raw_data_info['raw_ann_info'], scores, strict=True):
            if type(score) not in (int, float) or not 0 <= score <= 1:
                raise AnnotationError(
                    f'{self.ann_file}: annotation {one["id"]!r}: score {short(score)} is no number from 0 to 1. '
                    'Correct it, or leave it out: it is then 1.'
                )
        info = super().parse_data_info(raw_data_info)
        return dict(info, weight=sum(scores) / len(scores) if scores else 1.0)
