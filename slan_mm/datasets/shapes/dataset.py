"""``ShapesPairs``: generated shapes data, drawn while it is read."""

import copy
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from mmengine.dataset import Compose
from torch.utils.data import Dataset

from slan_mm.datasets.seeding import item_rng, split_index
from slan_mm.datasets.shapes.file_backend import shapes_path
from slan_mm.datasets.shapes.grammar import Caption, draw_caption
from slan_mm.datasets.shapes.render import render_scene
from slan_mm.datasets.shapes.scene import COLORS, SHAPES, SIZES, SPLIT_SHARES, Scene, sample_scene, scene_rng
from slan_mm.registry import DATASETS, TRANSFORMS

TASKS = ('pair', 'retrieval', 'grounding')
_NUM_IMAGES = {'train': 20000, 'val': 500, 'test': 500}
_LAYOUT, _PIXELS, _CAPTIONS = range(3)
_PATIENCE = 200  # captions drawn in search of one that is new for its image


@DATASETS.register_module()
class ShapesPairs(Dataset):
    """Pictures of 2-4 coloured shapes and captions that name 2-3 of them; seeded, nothing on disk.

    An item depends on the arguments and its index alone, in the train split also on the epoch (a new caption each
    epoch). The splits share no scene whatever their seeds: a hash of the scene says which split owns it.

    Tasks, by what an item's data sample carries besides ids and shapes:

    - ``pair``: ``text``, one caption;
    - ``retrieval``: ``text``, list of ``captions_per_image`` captions;
    - ``grounding``: ``text``, one caption (the first of retrieval's), and ``phrases``: list of dict(spans: one
      [start, end), boxes: (1, 4) absolute xyxy pixels, category: ['small'] or ['large'], phrase_id). Not in the train
      split: it has no boxes at all.

    Args:
        split: 'train', 'val' or 'test'.
        task: 'pair', 'retrieval' or 'grounding'.
        num_images: Number of images. None: 20,000 for train, 500 for val and test.
        seed: Seed of scenes, pixels and captions.
        image_size: Side of the pictures in pixels; sizes of objects follow.
        captions_per_image: Captions of an image for retrieval, all different.
        pipeline: Transforms from the ``results`` dict to an item. None: ``PackPairs`` alone.
        cache: Keep drawn pictures in memory (12 KB each at 64 pixels, per process).
        metainfo: Added to the data set's meta information.
        test_mode: Taken for OpenMMLab's sake; nothing here ever fails to load.
        lazy_init: Do not call ``full_init`` at once.

    Raises:
        ValueError: An argument is out of its range, or boxes of the train split are asked for.
        IndexError: A negative index.
    """

    #: ``dataset[index + epoch * len(dataset)]`` is the item of an epoch, see ``split_index``.
    takes_epoch = True
    #: Whether the train split may give boxes; see ``ShapesGrounding``.
    boxes_in_train = False
    #: Fewest and most objects of a scene, both included.
    num_objects = (2, 4)
    #: Of other pictures than those that ``shapes://`` opens: what their ids begin with.
    kind: str | None = None
    METAINFO = {'dataset_name': 'ShapesPairs', 'shapes': SHAPES, 'colors': COLORS, 'sizes': tuple(SIZES)}

    def __init__(
        self,
        split: str = 'train',
        task: str = 'pair',
        num_images: int | None = None,
        seed: int = 0,
        image_size: int = 64,
        captions_per_image: int = 1,
        pipeline: Sequence[dict | Callable] | None = None,
        cache: bool = False,
        metainfo: dict | None = None,
        test_mode: bool = False,
        lazy_init: bool = False,
    ) -> None:
        self.split = split
        self.task = task
        self.seed = seed
        self.image_size = image_size
        self.captions_per_image = captions_per_image
        self.test_mode = test_mode
        self.num_images = _NUM_IMAGES.get(split) if num_images is None else num_images
        self._check()
        # Built here and not by Compose, which finds our transforms under our default scope only.
        steps = pipeline or [{'type': 'PackPairs'}]
        self.pipeline = Compose([TRANSFORMS.build(step) if isinstance(step, dict) else step for step in steps])
        self._metainfo = {**copy.deepcopy(self.METAINFO), 'split': split, 'task': task, **(metainfo or {})}
        self._cache: dict[int, np.ndarray] | None = {} if cache else None
        # Shared memory: workers that live over several epochs see the new epoch too.
        self._epoch = torch.zeros(1, dtype=torch.int64).share_memory_()
        self._fully_initialized = False
        if not lazy_init:
            self.full_init()

    def _check(self) -> None:
        if self.split not in SPLIT_SHARES:
            raise ValueError(f'split must be one of {list(SPLIT_SHARES)}, got {self.split!r}')
        if self.task not in TASKS:
            raise ValueError(f'task must be one of {list(TASKS)}, got {self.task!r}')
        if self.split == 'train' and self.task == 'grounding' and not self.boxes_in_train:
            raise ValueError("the train split of ShapesPairs has no boxes: use split='val' or 'test' for grounding")
        if self.image_size < 32:
            raise ValueError(f'image_size must be at least 32 pixels, got {self.image_size}')
        for name in ('num_images', 'captions_per_image'):
            if getattr(self, name) < 1:
                raise ValueError(f'{name} must be at least 1, got {getattr(self, name)}')
        if self.seed < 0:
            raise ValueError(f'seed must not be negative, got {self.seed}')

    @property
    def metainfo(self) -> dict:
        """A copy of the meta information."""
        return copy.deepcopy(self._metainfo)

    def full_init(self) -> None:
        """Nothing to load: each item is made when it is asked for."""
        self._fully_initialized = True

    def set_epoch(self, epoch: int) -> None:
        """Sets the epoch whose captions the train split gives; epochs packed into an index count on from it."""
        self._epoch[0] = epoch

    def __len__(self) -> int:
        return self.num_images

    def get_data_info(self, index: int) -> dict:
        """Ids of an item, without drawing it."""
        _, index = split_index(index, len(self))
        image_id = f'{self.kind or "shapes"}-{self.split}-{index}'
        opened = shapes_path(self.split, self.seed, self.image_size, index)
        path = opened if self.kind is None else f'shapes-{self.kind}://{self.split}/{index}'
        return {'image_id': image_id, 'sample_id': image_id, 'img_path': path}

    def prepare_data(self, index: int) -> dict:
        """The item after the pipeline."""
        return self.pipeline(self._results(int(index)))

    def __getitem__(self, index: int | tuple[int, int]) -> dict:
        """The item ``index + epoch * len(self)``, or ``(epoch, index)``."""
        return self.prepare_data(index[0] * len(self) + index[1] if isinstance(index, tuple) else index)

    def __iter__(self) -> Iterator[dict]:
        """One epoch in order."""
        return (self[index] for index in range(len(self)))

    def _results(self, packed: int) -> dict:
        epoch, index = split_index(packed, len(self))
        scene = self.scene(index)
        size = (self.image_size, self.image_size)
        results = {**self.get_data_info(index), 'img': self._image(index, scene), 'ori_shape': size, 'img_shape': size}
        results['rng'] = item_rng(self.seed, epoch + int(self._epoch[0]), index)
        if self.split == 'train' and self.task != 'retrieval':
            captions = [self.draw_caption(results['rng'], scene)]
        else:
            captions = self._captions(index, scene)
        results['text'] = [caption.text for caption in captions] if self.task == 'retrieval' else captions[0].text
        if self.task == 'grounding':
            results['phrases'] = _phrases(scene, captions[0], results['sample_id'])
        return results

    def scene(self, index: int) -> Scene:
        """What the picture of an item shows."""
        rng = scene_rng(self.seed, self.split, index, _LAYOUT)
        return sample_scene(rng, self.image_size, self.num_objects, self.split)

    def draw_caption(self, rng: np.random.Generator, scene: Scene) -> Caption:
        """Draws a caption of a scene."""
        return draw_caption(rng, scene)

    def _image(self, index: int, scene: Scene) -> np.ndarray:
        if self._cache is not None and index in self._cache:
            return self._cache[index].copy()
        image = render_scene(scene_rng(self.seed, self.split, index, _PIXELS), scene)
        if self._cache is not None:
            self._cache[index] = image.copy()
        return image

    def _captions(self, index: int, scene: Scene) -> list[Caption]:
        rng = scene_rng(self.seed, self.split, index, _CAPTIONS)
        count = self.captions_per_image if self.task == 'retrieval' else 1
        captions: dict[str, Caption] = {}
        for _ in range(_PATIENCE):
            caption = self.draw_caption(rng, scene)
            captions.setdefault(caption.text, caption)
            if len(captions) == count:
                return list(captions.values())
        raise ValueError(
            f'sample shapes-{self.split}-{index}: a scene of {len(scene.objects)} objects has no {count} different '
            'captions: lower captions_per_image'
        )


def _phrases(scene: Scene, caption: Caption, sample_id: str) -> list[dict]:
    return [
        {
            'spans': [[phrase.start, phrase.end]],
            'boxes': torch.tensor([scene.objects[index].box for index in phrase.indices], dtype=torch.float32),
            'category': ['several'] if phrase.others else [scene.objects[phrase.index].size],
            'phrase_id': f'{sample_id}/{number}',
        }
        for number, phrase in enumerate(caption.phrases)
    ]
