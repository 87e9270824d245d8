"""The embedded twin of NLVR2: two scenes, and a sentence that is true or false of them."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from slan_mm.datasets.seeding import item_rng, split_index
from slan_mm.datasets.shapes.dataset import ShapesPairs
from slan_mm.datasets.shapes.render import render_scene
from slan_mm.datasets.shapes.scene import COLORS, SHAPES, Scene, sample_scene, scene_rng
from slan_mm.registry import DATASETS

#: Pairs of pictures that each sentence is told of; it is true of half of them.
PAIRS = 4
_SENTENCE, _LAYOUT, _PIXELS = range(10, 13)  # purposes of random streams; ShapesPairs has the first ones
_TRIES = 10000


@DATASETS.register_module()
class ShapesNLVR(ShapesPairs):
    """Sentences such as 'left red circle and right blue star' with two pictures; seeded, nothing on disk.

    The sentence is true where the left picture shows the first object and the right one the second. Each is told of
    four pairs, true of two; in a false pair one of the two objects is missing. So neither the sentence nor a single
    picture gives the answer away.

    Items are those of ``NLVR2Dataset``: ``inputs`` (2, 3, H, W), ``text``, ``gt_label``, and as ``sample_id`` an
    identifier '<split>-<sentence>-<pair>-0', so that NLVR2's metric reads them. The splits share no scene.

    Args:
        split: 'train', 'val' or 'test'.
        num_sentences: Number of sentences; there are four items for each.
        seed, image_size, pipeline, metainfo, test_mode, lazy_init: See ``ShapesPairs``.
    """

    METAINFO = {'dataset_name': 'ShapesNLVR', 'classes': ('False', 'True')}

    def __init__(
        self,
        split: str = 'train',
        num_sentences: int = 500,
        seed: int = 0,
        image_size: int = 64,
        pipeline: Sequence[dict | Callable] | None = None,
        metainfo: dict | None = None,
        test_mode: bool = False,
        lazy_init: bool = False,
    ) -> None:
        super().__init__(
            split=split,
            num_images=PAIRS * num_sentences,
            seed=seed,
            image_size=image_size,
            pipeline=pipeline,
            metainfo=metainfo,
            test_mode=test_mode,
            lazy_init=lazy_init,
        )

    def get_data_info(self, index: int) -> dict:
        """Ids of an item, without drawing it."""
        _, index = split_index(index, len(self))
        name = f'{self.split}-{index // PAIRS}-{index % PAIRS}'
        paths = [f'shapes-nlvr://{name}-img{side}' for side in range(2)]
        return {'image_id': name, 'sample_id': f'{name}-0', 'img_path': paths}

    def _results(self, packed: int) -> dict:
        epoch, index = split_index(packed, len(self))
        sentence, pair = divmod(index, PAIRS)
        rng = scene_rng(self.seed, self.split, sentence, _SENTENCE)
        kinds = [(COLORS[rng.integers(len(COLORS))], SHAPES[rng.integers(len(SHAPES))]) for _ in range(2)]
        label = int(rng.permutation(PAIRS)[pair] < PAIRS // 2)

        layout = scene_rng(self.seed, self.split, index, _LAYOUT)
        shown = [True, True]
        if not label:
            shown[int(layout.integers(2))] = False
        scenes = [self._scene_with(layout, kind, there) for kind, there in zip(kinds, shown, strict=True)]
        pixels = scene_rng(self.seed, self.split, index, _PIXELS)
        size = (self.image_size, self.image_size)
        return {
            **self.get_data_info(index),
            'img': [render_scene(pixels, scene) for scene in scenes],
            'ori_shape': size,
            'img_shape': size,
            'text': ' and '.join(
                f'{side} {" ".join(kind)}' for side, kind in zip(('left', 'right'), kinds, strict=True)
            ),
            'gt_label': label,
            'rng': item_rng(self.seed, epoch + int(self._epoch[0]), index),
        }

    def _scene_with(self, rng: np.random.Generator, kind: tuple[str, str], there: bool) -> Scene:
        """A scene of this split that shows, or does not show, an object of the colour and shape ``kind``."""
        for _ in range(_TRIES):
            scene = sample_scene(rng, self.image_size, self.num_objects)
            shows = any((item.color, item.shape) == kind for item in scene.objects)
            if there and not shows:
                changed = int(rng.integers(len(scene.objects)))
                objects = [
                    replace(item, color=kind[0], shape=kind[1]) if number == changed else item
                    for number, item in enumerate(scene.objects)
                ]
                scene = Scene(scene.image_size, tuple(objects))
            if (there or not shows) and scene.split == self.split:
                return scene
        raise ValueError(f'no scene of split {self.split!r} found in {_TRIES} tries')
