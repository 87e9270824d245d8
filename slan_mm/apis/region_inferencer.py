"""A trained model at hand: pictures and texts in, regions out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config, ConfigDict
from mmengine.dataset import Compose, pseudo_collate
from mmengine.registry import init_default_scope
from mmengine.runner import load_checkpoint

from slan_mm.apis.marked_text import MarkedText, read_marked_text
from slan_mm.registry import MODELS, TRANSFORMS


class RegionInferencer:
    """Finds the regions that phrases name.

    .. code-block:: python

        inferencer = RegionInferencer('configs/pretrain/slan_own_data.py', 'work_dirs/slan_own_data/iter_2000.pth')
        sample = inferencer('dog.jpg', 'a [dog] runs over the [wet grass]')
        sample.pred_phrases[0][-1]['boxes'][0]  # of 'dog': the best box after the last level, xyxy in pixels

    Args:
        config: The model's config, or its file.
        checkpoint: Its weights; None: those of ``load_from`` in the config.
        device: 'cuda' where there is a GPU and 'cpu' where not, if None.
        cfg_options: Settings that override the config's, nested keys with dots.

    Raises:
        FileNotFoundError: There is no such config or checkpoint.
        ValueError: No checkpoint is given, or the config does not tell the size of pictures.
        RuntimeError: The checkpoint is another model's.
    """

    def __init__(
        self,
        config: str | Path | Config,
        checkpoint: str | Path | None = None,
        device: str | None = None,
        cfg_options: Mapping[str, Any] | None = None,
    ) -> None:
        cfg = config if isinstance(config, Config) else Config.fromfile(config)
        cfg.merge_from_dict(dict(cfg_options or {}))
        checkpoint = checkpoint or cfg.get('load_from')
        if not checkpoint:
            raise ValueError('a checkpoint is needed: the config has no load_from either')
        init_default_scope(cfg.get('default_scope', 'slan_mm'))
        for encoder in (cfg.model.image.encoder, cfg.model.text.encoder):
            # Stored features are of the pictures and texts of a data set; these are new ones.
            encoder.pop('feature_store', None)
        self.size = picture_size(cfg)
        device = device or ('cuda' if torch.cuda.is_available() else 'cpu')
        self.model = MODELS.build(cfg.model).to(device).eval()
        load_checkpoint(self.model, str(checkpoint), map_location='cpu', strict=True)
        steps = [dict(type='LoadImage'), dict(type='ResizeImage', size=self.size), dict(type='PackPairs')]
        self.pipeline = Compose([TRANSFORMS.build(step) for step in steps])

    def __call__(self, image: str | Path, text: str | MarkedText) -> Any:
        """The data sample of one picture and text, with ``pred_phrases``; see ``SLAN.predict``."""
        return self.batch([(image, text)])[0]

    @torch.no_grad()
    def batch(self, pairs: Sequence[tuple[str | Path, str | MarkedText]]) -> list:
        """The data samples of several pairs of a picture's file and a text, located together.

        Raises:
            UnreadableImageError: A picture cannot be read.
            ValueError: A text's brackets are wrong.
        """
        items = [self._item(image, text) for image, text in pairs]
        return self.model.test_step(pseudo_collate(items))

    def _item(self, image: str | Path, text: str | MarkedText) -> dict:
        marked = read_marked_text(text) if isinstance(text, str) else text
        phrases = [
            dict(spans=spans, boxes=[], category=None, phrase_id=f'{number}')
            for number, spans in enumerate(marked.spans)
        ]
        name = str(image)
        return self.pipeline(
            dict(img_path=name, image_id=name, sample_id=name, text=marked.text, phrases=phrases),
        )


def picture_size(cfg: Config) -> tuple[int, int]:
    """(height, width) that a config resizes pictures to: of ``ResizeImage`` in a pipeline, or its ``image_size``.

    Raises:
        ValueError: The config has neither.
    """
    loaders = [cfg.get(f'{mode}_dataloader') for mode in ('test', 'val', 'train')]
    size = next((step['size'] for step in _steps(loaders) if 'size' in step), cfg.get('image_size'))
    if size is None:
        raise ValueError(
            f'{cfg.filename} does not tell the size of pictures: give a ResizeImage in a pipeline, or image_size'
        )
    return (size, size) if isinstance(size, int) else tuple(size)


def _steps(value: Any) -> list[ConfigDict]:
    """All ``ResizeImage`` steps anywhere in ``value``."""
    if isinstance(value, Mapping):
        own = [value] if str(value.get('type', '')).rsplit('.', 1)[-1] == 'ResizeImage' else []
        return own + [step for item in value.values() for step in _steps(item)]
    if isinstance(value, list | tuple):
        return [step for item in value for step in _steps(item)]
    return []
