"""One class for the inferencers of all tasks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mmengine.config import Config

from slan_mm.apis.base import TaskInferencer
from slan_mm.apis.captioning_inferencer import CaptioningInferencer
from slan_mm.apis.detection_inferencer import DetectionInferencer
from slan_mm.apis.grounding_inferencer import GroundingInferencer
from slan_mm.apis.nlvr2_inferencer import NLVR2Inferencer
from slan_mm.apis.retrieval_inferencer import RetrievalInferencer
from slan_mm.apis.video_answers import infer_video
from slan_mm.apis.video_retrieval_inferencer import VideoRetrievalInferencer
from slan_mm.apis.vqa_inferencer import VQAInferencer

#: The inferencer of each task.
INFERENCERS: dict[str, type[TaskInferencer]] = {
    inferencer.task: inferencer
    for inferencer in (
        CaptioningInferencer,
        DetectionInferencer,
        GroundingInferencer,
        NLVR2Inferencer,
        RetrievalInferencer,
        VQAInferencer,
        VideoRetrievalInferencer,
    )
}


class SLANInferencer:
    """The inferencer of a task, by the task's name.

    .. code-block:: python

        config = 'configs/pretrain/slan_own_data_pretrained.py'
        inferencer = SLANInferencer('grounding', config, 'work_dirs/slan_own_data_pretrained/iter_2000.pth')
        result = inferencer('dog.jpg', 'a [dog] runs over the [wet grass]', img_out_dir='pages')

    The task's own class documents arguments, results and scores of a call, see ``INFERENCERS``.

    Args:
        task: A key of ``INFERENCERS``.
        model: The model's config, or its file.
        weights: The checkpoint; None: the one in ``load_from`` of the config.
        options: ``device``, ``cfg_options``, ``show_progress``: see :class:`TaskInferencer`.

    Raises:
        ValueError: The task does not exist; and as :class:`TaskInferencer`.
    """

    def __init__(
        self, task: str, model: str | Path | Config, weights: str | Path | None = None, **options: Any
    ) -> None:
        if not isinstance(task, str) or task not in INFERENCERS:
            raise ValueError(f'task must be one of {sorted(INFERENCERS)}, got {task!r}')
        self.task = task
        self.inferencer = INFERENCERS[task](model, weights, **options)

    def __call__(self, *inputs: Any, **options: Any) -> dict:
        """See the ``__call__`` of the task's own class."""
        return self.inferencer(*inputs, **options)

    def video(self, video: str | Path, asked: Any, out_dir: str | Path, **options: Any) -> dict:
        """Predictions for the frames of a video, see :func:`infer_video`."""
        return infer_video(self.inferencer, video, asked, out_dir, **options)

    def describe(self, prediction: dict) -> str:
        """One of the predictions as readable text."""
        return self.inferencer.describe(prediction)
