"""Generated pictures as files: ``shapes://...`` is a path that MMEngine's file readers open like any other.

So tools of OpenMMLab that read the picture of a sample from its ``img_path`` work on generated data as well.
"""

from __future__ import annotations

import io
import re

from mmengine.fileio import BaseStorageBackend, register_backend
from PIL import Image

from slan_mm.datasets.shapes.render import render_scene
from slan_mm.datasets.shapes.scene import SPLIT_SHARES, Scene, sample_scene, scene_rng

# The streams of random numbers from which ``ShapesPairs`` draws scenes and pixels.
_LAYOUT, _PIXELS = 0, 1
_PATH = re.compile(rf'shapes://(?P<split>{"|".join(SPLIT_SHARES)})/(?P<seed>\d+)/(?P<size>\d+)/(?P<index>\d+)\.png')


def shapes_path(split: str, seed: int, image_size: int, index: int) -> str:
    """The path of picture ``index`` of a split, ``image_size`` pixels a side."""
    return f'shapes://{split}/{seed}/{image_size}/{index}.png'


def shapes_scene(split: str, seed: int, image_size: int, index: int) -> Scene:
    """What picture ``index`` shows: the scene of ``ShapesPairs`` with the same arguments."""
    return sample_scene(scene_rng(seed, split, index, _LAYOUT), image_size, split=split)


def scene_at(path: str) -> Scene:
    """What the picture of a path shows.

    Raises:
        FileNotFoundError: The path names no generated picture.
    """
    return shapes_scene(*_arguments(path))


def _arguments(path: str) -> tuple[str, int, int, int]:
    """The split, seed, side and index that a path names."""
    match = _PATH.fullmatch(str(path))
    if match is None:
        raise FileNotFoundError(f'{path} names no generated picture: shapes://SPLIT/SEED/SIZE/INDEX.png')
    return match['split'], int(match['seed']), int(match['size']), int(match['index'])


@register_backend('shapes', prefixes='shapes')
class ShapesBackend(BaseStorageBackend):
    """Draws the picture that a path names; the bytes are those of a png file."""

    def get(self, filepath: str) -> bytes:
        """The png file.

        Raises:
            FileNotFoundError: The path names no generated picture.
        """
        split, seed, size, index = _arguments(filepath)
        picture = render_scene(scene_rng(seed, split, index, _PIXELS), shapes_scene(split, seed, size, index))
        file = io.BytesIO()
        # Read once and thrown away: speed counts, size does not.
        Image.fromarray(picture).save(file, format='png', compress_level=1)
        return file.getvalue()

    def get_text(self, filepath: str, encoding: str = 'utf-8') -> str:
        """There are no texts.

        Raises:
            FileNotFoundError: Always.
        """
        raise FileNotFoundError(f'{filepath}: generated data has pictures only')
