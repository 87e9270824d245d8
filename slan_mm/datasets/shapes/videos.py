"""The embedded twin of video-text retrieval: films of two scenes."""

from collections.abc import Callable, Sequence

from slan_mm.datasets.frame_sampling import random_frames, uniform_frames
from slan_mm.datasets.seeding import item_rng, split_index
from slan_mm.datasets.shapes.dataset import ShapesPairs
from slan_mm.datasets.shapes.render import render_scene
from slan_mm.datasets.shapes.scene import Scene, sample_scene, scene_rng
from slan_mm.registry import DATASETS

#: Scenes of a video, one after the other.
SHOTS = 2
#: Frames of a scene.
SHOT_LENGTH = 6
_LAYOUT, _PIXELS, _SENTENCE = range(20, 23)  # purposes of random streams; ShapesPairs has the first ones


@DATASETS.register_module()
class ShapesVideos(ShapesPairs):
    """Videos of two scenes, and a sentence that names an object of each: 'red circle and blue star'.

    No single frame shows both objects. The frames of a scene differ in pixels (noise, background, shading), not in
    what they show. Items are those of a video data set: ``inputs`` (m, 3, H, W), the frames that are looked at;
    ``text``, a sentence in the train split and a list of one in the others. The splits share no scene.

    Args:
        split: 'train', 'val' or 'test'.
        num_videos: Number of videos.
        num_frames: m, frames looked at: drawn by (seed, epoch, index) in the train split, the middles of m equal parts
            in the others.
        seed, image_size, pipeline, metainfo, test_mode, lazy_init: See ``ShapesPairs``.
    """

    METAINFO = {'dataset_name': 'ShapesVideos'}

    def __init__(
        self,
        split: str = 'train',
        num_videos: int = 500,
        num_frames: int = 4,
        seed: int = 0,
        image_size: int = 64,
        pipeline: Sequence[dict | Callable] | None = None,
        metainfo: dict | None = None,
        test_mode: bool = False,
        lazy_init: bool = False,
    ) -> None:
        if num_frames < 1:
            raise ValueError(f'num_frames must be at least 1, got {num_frames}')
        self.num_frames = num_frames
        super().__init__(
            split=split,
            num_images=num_videos,
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
        name = f'video-{self.split}-{index}'
        return {'image_id': name, 'sample_id': name, 'img_path': f'shapes-videos://{self.split}/{index}'}

    def scenes(self, index: int) -> list[Scene]:
        """The scenes of video ``index``, one after the other."""
        layout = scene_rng(self.seed, self.split, index, _LAYOUT)
        return [sample_scene(layout, self.image_size, self.num_objects, self.split) for _ in range(SHOTS)]

    def named_kinds(self, index: int, scenes: Sequence[Scene]) -> list[str]:
        """What the sentence of video ``index`` names, one object of each of its ``scenes``: ['red circle', ...]."""
        sentence = scene_rng(self.seed, self.split, index, _SENTENCE)
        named = [scene.objects[sentence.integers(len(scene.objects))] for scene in scenes]
        return [f'{item.color} {item.shape}' for item in named]

    def _results(self, packed: int) -> dict:
        epoch, index = split_index(packed, len(self))
        scenes = self.scenes(index)
        text = ' and '.join(self.named_kinds(index, scenes))

        rng = item_rng(self.seed, epoch + int(self._epoch[0]), index)
        total = SHOTS * SHOT_LENGTH
        train = self.split == 'train'
        chosen = random_frames(total, self.num_frames, rng) if train else uniform_frames(total, self.num_frames)
        size = (self.image_size, self.image_size)
        return {
            **self.get_data_info(index),
            'img': [
                render_scene(
                    scene_rng(self.seed, self.split, index * total + frame, _PIXELS), scenes[frame // SHOT_LENGTH]
                )
                for frame in chosen.tolist()
            ],
            'ori_shape': size,
            'img_shape': size,
            'text': text if train else [text],
            'rng': rng,
        }
