"""Pictures to begin with, drawn when they are needed: nothing is stored or fetched."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from slan_mm.datasets.shapes import ShapesPairs

#: Sides of the pictures, in pixels.
SIZE = 256


def sample_pictures(folder: Path, count: int) -> list[tuple[Path, str]]:
    """Draws ``count`` pictures of coloured shapes into ``folder``; their files, each with a caption."""
    folder.mkdir(parents=True, exist_ok=True)
    dataset = ShapesPairs(split='test', task='retrieval', num_images=count, captions_per_image=1, image_size=SIZE)
    made = []
    for number in range(count):
        item = dataset[number]
        path = folder / f'shapes-{number:02d}.png'
        Image.fromarray(np.ascontiguousarray(item['inputs'].permute(1, 2, 0).numpy())).save(path)
        made.append((path, item['data_samples'].text[0]))
    return made
