"""Writes the boxes of a test to a file."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TextIO

from mmengine.dist import all_gather_object
from mmengine.hooks import Hook

from slan_mm.atomic_files import replaced_atomically
from slan_mm.registry import HOOKS


@HOOKS.register_module()
class PredictionFileHook(Hook):
    """Writes one JSON line for each text of a grounding test; ``tools/test.py --out`` adds it.

    A line holds ``sample_id``, ``image_id``, ``img_path``, ``text``, ``ori_shape`` (height, width) and ``phrases``: of
    each its ``phrase_id``, its ``spans`` in the text and the model's answer (last level), ``boxes`` [x1, y1, x2, y2]
    in pixels of the original image with their ``scores``, best first. A sample that a loader repeats, to fill the last
    batch of a rank, has one line.

    Args:
        path: the file. With several ranks, rank ``r > 0`` writes ``<path>.rank<r>``.
        top: boxes kept for a phrase.
    """

    priority = 'NORMAL'

    def __init__(self, path: str, top: int = 10) -> None:
        self.path = path
        self.top = top
        self._file: TextIO | None = None
        self._written: dict[str, None] = {}

    def after_test_iter(
        self,
        runner: Any,
        batch_idx: int,
        data_batch: dict | tuple | list | None = None,
        outputs: Sequence | None = None,
    ) -> None:
        for sample in outputs or ():
            if 'pred_phrases' not in sample or str(sample.sample_id) in self._written:
                continue
            self._written[str(sample.sample_id)] = None
            if self._file is None:
                path = self.path if runner.rank == 0 else f'{self.path}.rank{runner.rank}'
                Path(path).parent.mkdir(parents=True, exist_ok=True)
                self._file = open(path, 'w', encoding='utf-8')  # noqa: SIM115  (closed in after_test)
            self._file.write(json.dumps(self._line(sample), ensure_ascii=False) + '\n')

    def after_test(self, runner: Any) -> None:
        of_ranks, self._written = all_gather_object(list(self._written)), {}
        if self._file is not None:
            self._file.close()
            _leave_out(self._file.name, of_ranks[runner.rank], set().union(*of_ranks[: runner.rank]))
            runner.logger.info(f'predictions of rank {runner.rank}: {self._file.name}')
            self._file = None

    def _line(self, sample: Any) -> dict[str, Any]:
        phrases = []
        for phrase, levels in zip(sample.phrases, sample.pred_phrases, strict=True):
            answer = levels[-1]
            phrases.append(
                {
                    'phrase_id': phrase['phrase_id'],
                    'spans': [list(span) for span in phrase['spans']],
                    'boxes': [[round(x, 2) for x in box] for box in answer['boxes'][: self.top].tolist()],
                    'scores': [round(score, 5) for score in answer['scores'][: self.top].tolist()],
                }
            )
        line = {key: sample.get(key) for key in ('sample_id', 'image_id', 'img_path', 'text')}
        line['ori_shape'] = list(sample.get('ori_shape'))
        line['phrases'] = phrases
        return line


def _leave_out(path: str, sample_ids: Sequence[str], others: set[str]) -> None:
    """Takes the lines of ``others`` out of a file with a line for each of ``sample_ids``."""
    if others.isdisjoint(sample_ids):
        return
    with (
        replaced_atomically(Path(path)) as new,
        open(path, encoding='utf-8') as old,
        open(new, 'w', encoding='utf-8') as out,
    ):
        out.writelines(line for name, line in zip(sample_ids, old, strict=True) if name not in others)
