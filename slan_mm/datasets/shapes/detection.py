"""``ShapesDetection``: generated shapes data with boxes, for the detector's tiny twin."""

from __future__ import annotations

from typing import Any

from mmdet.datasets import BaseDetDataset

from slan_mm.datasets.shapes.file_backend import shapes_path, shapes_scene
from slan_mm.datasets.shapes.scene import COLORS, SHAPES, SPLIT_SHARES
from slan_mm.registry import DATASETS


@DATASETS.register_module()
class ShapesDetection(BaseDetDataset):
    """The pictures of ``ShapesPairs`` with the boxes of their shapes, as a mmdet data set; nothing on disk.

    Classes are shapes, whatever their colour, or a colour and a shape: ``metainfo=dict(classes=('circle', 'red
    star'))``. What has no class is background, and some pictures have no object at all; what has two is one of each.

    Args:
        split: 'train', 'val' or 'test'. All have boxes here.
        num_images: Number of pictures.
        seed: Seed of scenes and pixels.
        image_size: Side of the pictures in pixels.
        kwargs: Of mmdet's ``BaseDetDataset``.

    Raises:
        ValueError: There is no such split, or no such class.
    """

    METAINFO = {'dataset_name': 'ShapesDetection', 'classes': SHAPES}

    def __init__(
        self, split: str = 'train', num_images: int = 500, seed: int = 0, image_size: int = 64, **kwargs: Any
    ) -> None:
        if split not in SPLIT_SHARES:
            raise ValueError(f'split must be one of {list(SPLIT_SHARES)}, got {split!r}')
        self.split, self.num_images, self.seed, self.image_size = split, num_images, seed, image_size
        super().__init__(**kwargs)

    def load_data_list(self) -> list[dict]:
        """Draws the scenes; pixels are drawn when a picture is read."""
        classes = tuple(self.metainfo['classes'])
        unknown = sorted(set(classes) - set(SHAPES) - {f'{color} {shape}' for color in COLORS for shape in SHAPES})
        if unknown:
            raise ValueError(
                f'no such shapes: {unknown}; there are {list(SHAPES)}, alone or after one of {list(COLORS)}'
            )
        return [self._entry(index, classes) for index in range(self.num_images)]

    def _entry(self, index: int, classes: tuple[str, ...]) -> dict:
        scene = shapes_scene(self.split, self.seed, self.image_size, index)
        entry = {
            'img_id': index,
            'img_path': shapes_path(self.split, self.seed, self.image_size, index),
            'height': self.image_size,
            'width': self.image_size,
            'instances': [
                {'bbox': list(item.box), 'bbox_label': classes.index(name), 'ignore_flag': 0}
                for item in scene.objects
                for name in (item.shape, f'{item.color} {item.shape}')
                if name in classes
            ],
        }
        if self.return_classes:
            entry |= {'text': classes, 'caption_prompt': self.caption_prompt}
        return entry
