"""Images with all their captions, for retrieval evaluation."""

from typing import Any

from slan_mm.datasets.caption_dataset import CaptionDataset
from slan_mm.datasets.readers import ImageRecord
from slan_mm.registry import DATASETS


@DATASETS.register_module()
class RetrievalDataset(CaptionDataset):
    """One item an image; its data sample's ``text`` is the list of all captions of the image, in the file's order.

    ``sample_id`` equals ``image_id``. Takes every format of ``CaptionDataset``; nothing is cut unless ``max_words``
    is given. ``test_mode`` is on unless told otherwise.
    """

    def __init__(self, ann_file: str, format: str, test_mode: bool = True, **kwargs: Any) -> None:
        super().__init__(ann_file=ann_file, format=format, test_mode=test_mode, **kwargs)

    def items_of(self, record: ImageRecord) -> list[dict]:
        """One entry."""
        image_id = self.id_prefix + record.image_id
        return [{'img_path': record.img_path, 'image_id': image_id, 'sample_id': image_id, 'text': record.captions}]
