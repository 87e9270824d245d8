"""Writes the boxes of a test to a file."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TextIO

from mmengine.hooks import Hook

from slan_mm.registry import HOOKS


@HOOKS.register_module()
class PredictionFileHook(Hook):
    """Writes one JSON line for each text of a grounding test; ``tools/test.py --out`` adds it.

    A line holds ``sample_id``, ``image_id``, ``img_path``, ``text``, ``ori_shape`` (height, width) and ``phrases``: of
    each its ``phrase_id``, its ``spans`` in the text and the model's answer (last level), ``boxes`` [x1, y1, x2, y2]
    in pixels of the original image with their ``scores``, best first.

    Args:
        path: the file. With several ranks, rank ``r > 0`` writes ``<path>.rank<r>``.
        top: boxes kept for a phrase.
    """

    priority = 'NORMAL'

    def __init__(self, path: str, top: int = 10) -> None:
        self.path = path
        self.top = top
        self._file: TextIO | None = None

    def after_test_iter(
        self,
        runner: Any,
        batch_idx: int,
        data_batch: dict | tuple | list | None = None,
        outputs: Sequence | None = None,
    ) -> None:
        for sample in outputs or ():
            if 'pred_phrases' not in sample:
                continue
            if self._file is None:
                path = self.path if runner.rank == 0 else f'{self.path}.rank{runner.rank}'
                Path(path).parent.mkdir(parents=True, exist_ok=True)
                self._file = open(path, 'w', encoding='utf-8')  # noqa: SIM115  (closed in after_test)
            self._file.write(json.dumps(self._line(sample), ensure_ascii=False) + '\n')

    def after_test(self, runner: Any) -> None:
        if self._file is not None:
            self._file.close()
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
