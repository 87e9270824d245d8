"""Predictions for the frames of a video."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from inspect import signature
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from slan_mm.apis.answers import page_name, to_json
from slan_mm.apis.base import TaskInferencer
from slan_mm.arguments import checked, out_folder, whole
from slan_mm.atomic_files import replaced_atomically
from slan_mm.datasets.pictures import find_picture
from slan_mm.datasets.unreadable import UnreadableImageError
from slan_mm.datasets.video import Frame, Frames
from slan_mm.own_files import claim
from slan_mm.progress import Progress
from slan_mm.visualization.video_writer import VideoWriter, draw_boxes


def check_video_task(kind: type[TaskInferencer]) -> None:
    """Checks that the predictions of a task can be drawn into a video.

    Raises:
        ValueError: They cannot.
    """
    if kind.boxes is TaskInferencer.boxes:
        raise ValueError(
            f'{kind.task} takes no video: grounding and detection do, and video_retrieval compares whole videos. '
            'Give pictures'
        )


def video_files(number: int, video: str | Path) -> tuple[str, str]:
    """The output files of a video: the video with boxes, and the predictions."""
    return page_name(number, str(video), '.mp4'), page_name(number, str(video), '.json')


@checked(out_dir=out_folder, every=whole(1))
def infer_video(
    inferencer: TaskInferencer,
    video: str | Path,
    asked: Any,
    out_dir: str | Path,
    every: int = 1,
    batch_size: int = 8,
    number: int = 0,
    **options: Any,
) -> dict:
    """Processes each frame of a video with the same text; writes the video with boxes, and the predictions.

    Both are ``<number>_<name>.mp4`` and ``.json`` in ``out_dir``. Only one batch of frames is in memory at a time.

    Args:
        inferencer: For a task with boxes: grounding or detection.
        video: The file.
        asked: The texts, as for a single image in the inferencer's ``__call__``.
        out_dir: The output folder, which is created. Only files of inferencers are overwritten.
        every: Process every n-th frame; the written video has only these, at their times.
        batch_size: Frames per batch.
        number: For the file names, see above.
        options: ``top``, ``score_thr``, and the arguments of the task's ``prepare``.

    Returns:
        The content of the json file: ``video``, ``frames`` (processed), ``unreadable`` (how many of these), and
        ``answers``: for each frame its ``frame`` (counted from 0), its ``time`` in seconds, and the prediction of the
        task or an ``error``.

    Raises:
        FileExistsError: An output file exists, and no inferencer has written it.
        ModuleNotFoundError: The extra ``video`` is not installed.
        UnreadableImageError: The video, or all its frames, cannot be read.
        ValueError: The task has no boxes; a text is wrong; a score is not finite.
    """
    check_video_task(type(inferencer))
    path = str(find_picture(video))
    frames = Frames(path, every)
    named = Path(out_dir)
    film, answers_file = video_files(number, path)
    claim(named, [film, answers_file], 'answers')
    choice = {name: options.pop(name) for name in ('top', 'score_thr') if name in options}
    if unknown := sorted(set(options) - set(signature(inferencer.prepare).parameters)):
        raise ValueError(f'{inferencer.task} of a video has no option {", ".join(unknown)}')
    (item,) = inferencer.prepare(np.zeros((1, 1, 3), np.uint8), asked, **options)
    answers: list[dict] = []
    with (
        replaced_atomically(named / film) as temporary,
        VideoWriter(temporary, frames.rate) as writer,
        Progress(f'{inferencer.task} of {Path(path).name}', len(frames)) as progress,
    ):
        for frame, sample in _ask(inferencer, item, frames, batch_size):
            answer: dict = dict(frame=frame.number, time=round(frame.seconds, 3))
            if frame.picture is None:
                answer['error'] = f'Cannot read frame {frame.number} of {path}: it is damaged.'
            else:
                prediction = inferencer.to_dict(sample, **choice)
                answer |= {name: value for name, value in prediction.items() if name != 'image'}
                writer.write(draw_boxes(frame.picture, inferencer.boxes(prediction)), frame.seconds)
            answers.append(answer)
            progress.step(1)
        unreadable = sum('error' in answer for answer in answers)
        if unreadable == len(answers):
            raise UnreadableImageError(f'Cannot read video {path}: none of {len(answers)} frames can be decoded.')
    content = dict(video=path, frames=len(answers), unreadable=unreadable, answers=answers)
    with replaced_atomically(named / answers_file) as temporary:
        temporary.write_bytes(to_json(inferencer.task, content))
    return content


def _ask(
    inferencer: TaskInferencer, item: dict, frames: Iterable[Frame], batch_size: int
) -> Iterator[tuple[Frame, Any]]:
    """Each frame with the model's data sample, or None if it is damaged."""
    rest = iter(frames)
    while batch := list(islice(rest, batch_size)):
        whole = [{**item, 'picture': frame.picture} for frame in batch if frame.picture is not None]
        samples = iter(_samples(inferencer, whole))
        yield from ((frame, None if frame.picture is None else next(samples)) for frame in batch)


def _samples(inferencer: TaskInferencer, items: Sequence[dict]) -> list:
    return inferencer.forward([inferencer.pipeline(item) for item in items]) if items else []
