"""``CocoDataset``: COCO's layout, with labels in the order of the class list."""

import os

from mmdet.datasets import CocoDataset as MMDetCocoDataset

from slan_mm.datasets.coco_file import CocoFile
from slan_mm.datasets.image_size import check_size
from slan_mm.datasets.readers.entry import AnnotationError
from slan_mm.datasets.transforms.load_image import upright_size
from slan_mm.datasets.unreadable import UnreadableImageError, WrongSizeError
from slan_mm.registry import DATASETS

_LOOKED_AT = 16  # images whose size is compared when the file is read


@DATASETS.register_module()
class CocoDataset(MMDetCocoDataset):
    """mmdet's ``CocoDataset``, whose label n is the n-th of ``metainfo['classes']``, whatever the file's order.

    Arguments are those of mmdet's class. Classes that are not named keep no boxes. The sizes of some images are
    compared with those of their files when the annotation is read, each when :class:`LoadImageFromFile` loads it.

    Raises:
        AnnotationError: The file lacks a class, is not of COCO's layout (see :class:`CocoFile`), or tells another size
            of an image than its file has.
    """

    COCOAPI = CocoFile

    def load_data_list(self) -> list[dict]:
        """mmdet's, with sizes compared."""
        infos = super().load_data_list()
        for info in infos[:: max(1, len(infos) // _LOOKED_AT)]:
            if not os.path.isfile(info['img_path']):
                continue
            try:
                check_size(info, upright_size(info['img_path']))
            except WrongSizeError as error:
                raise AnnotationError(f'{self.ann_file}: {error}') from error
            except UnreadableImageError:  # told when it is loaded
                continue
        return infos
