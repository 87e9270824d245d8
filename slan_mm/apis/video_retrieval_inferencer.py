"""Ranks videos for each text, or texts for each video."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.config import Config

from slan_mm.apis.retrieval_inferencer import RetrievalInferencer
from slan_mm.applied_config import find_steps
from slan_mm.arguments import checked
from slan_mm.datasets.transforms import LoadVideo
from slan_mm.extras import require_extra
from slan_mm.file_endings import VIDEOS


class VideoRetrievalInferencer(RetrievalInferencer):
    """:class:`RetrievalInferencer` on video files, or on a folder of them.

    It uses evenly spaced frames, as many as ``LoadVideo`` in the config's pipelines, or 8 without it. Scores have the
    same meaning.

    Args: see :class:`TaskInferencer`.

    Raises:
        ModuleNotFoundError: The extra ``video`` is not installed; and as :class:`TaskInferencer`.
    """

    task = 'video_retrieval'
    several_pictures = True
    endings = VIDEOS

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        require_extra('video')  # before the model is loaded
        super().__init__(*args, **kwargs)

    def _init_pipeline(self, cfg: Config) -> Callable[[dict], dict]:
        steps = find_steps([cfg.get(f'{mode}_dataloader') for mode in ('test', 'val', 'train')], 'LoadVideo')
        self.loader = LoadVideo(next((step['num_frames'] for step in steps if 'num_frames' in step), 8))
        return super()._init_pipeline(cfg)

    @classmethod
    @checked
    def prepare(cls, inputs: Any, texts: str | Sequence[str], direction: str = 't2i', top: int = 10) -> list[dict]:
        """The videos' items; see :class:`TaskInferencer`.

        Raises:
            TypeError: A video is not given as a path.
        """
        items = super().prepare(inputs, texts, direction, top)
        for item in items:
            if not isinstance(item['picture'], str | Path):
                raise TypeError(f'a video is a path, not {type(item["picture"]).__name__}')
        return items

    def load(self, item: dict) -> list[np.ndarray]:
        """The frames, each (H, W, 3) uint8 RGB."""
        return self.loader(dict(img_path=str(item['picture'])))['img']
