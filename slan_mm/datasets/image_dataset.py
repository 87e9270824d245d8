"""Images without any text, to be captioned: those of nocaps, of COCO's test server, or one's own."""

import os
from pathlib import Path
from typing import Any

from slan_mm.datasets.image_text_dataset import ImageTextDataset
from slan_mm.datasets.readers.captions import check_image_root, check_some_images
from slan_mm.datasets.readers.entry import AnnotationError, json_entries, load_json
from slan_mm.registry import DATASETS

_REMEDY = 'ImageDataset reads {images: [{id, file_name}]}, as in image_info_*.json of COCO and nocaps.'


@DATASETS.register_module()
class ImageDataset(ImageTextDataset):
    """One item an image of a json file in COCO's layout, which need not hold captions.

    Args:
        ann_file: The json file, below ``data_root``.
        test_mode: On unless told otherwise.
        kwargs: See ``ImageTextDataset``.

    Raises:
        FileNotFoundError: The file or the image folder is missing.
        AnnotationError: A field is missing or wrong, an id is used twice, or there is no image.
    """

    def __init__(self, ann_file: str, test_mode: bool = True, **kwargs: Any) -> None:
        super().__init__(ann_file=ann_file, test_mode=test_mode, **kwargs)

    def load_data_list(self) -> list[dict]:
        """Reads and checks the file."""
        check_image_root(self.img_root)
        items: dict[str, dict] = {}
        file = Path(self.ann_file)
        for entry in json_entries(file, load_json(file), 'images', _REMEDY):
            image_id = self.id_prefix + entry.take_id('id', _REMEDY)
            if image_id in items:
                entry.fail(f'a second image with id {image_id!r}', 'Give every image an id of its own.')
            path = os.path.join(self.img_root, entry.take_path('file_name', _REMEDY))
            items[image_id] = {'img_path': path, 'image_id': image_id, 'sample_id': image_id}
        if not items:
            raise AnnotationError(f'{file}: no images in this file. Is it the right one?')
        check_some_images([item['img_path'] for item in items.values()], self.img_root, file)
        return list(items.values())
