"""Questions about pictures, with their answers."""

import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mmengine.logging import print_log

from slan_mm.answer_list import read_answer_list
from slan_mm.datasets.answer_normalisation import normalise_answer
from slan_mm.datasets.image_text_dataset import ImageTextDataset
from slan_mm.datasets.readers.captions import check_image_root, check_some_images, unit_hash
from slan_mm.datasets.readers.entry import AnnotationError
from slan_mm.datasets.readers.questions import QuestionRecord, read_visual_genome, read_vqa_v2
from slan_mm.plain_text import is_blank
from slan_mm.registry import DATASETS

FORMATS = ('vqa_v2', 'visual_genome')


@DATASETS.register_module()
class VQADataset(ImageTextDataset):
    """One item a question.

    An item's ``results`` carry ``text`` (the question), ``question_id`` as in the file, ``answers`` (the annotators',
    as they stand in the file; absent where it has none), ``answer_type``, ``question_type`` and ``answer_weight``.
    ``PackPairs(meta_keys=VQADataset.META_KEYS)`` packs them. ``sample_id`` is the question's id.

    Args:
        ann_file: Questions (VQA v2), or questions with answers (Visual Genome); below ``data_root``.
        format: 'vqa_v2' or 'visual_genome'.
        answer_file: VQA v2's annotations, below ``data_root``; None for questions without answers.
        image_name: VQA v2: name of an image's file, a format of ``{image_id}``.
        holdout: Share of the images, chosen by a hash of their ids, whose questions are split 'val'; the others' are
            'train'.
        split: 'train' or 'val' of ``holdout``; None keeps all.
        answer_list: Json list of the answers that a model chooses from. Questions none of whose answers is among them
            (in the official normalisation) are counted; in training they are left out, in evaluation they stay, and
            count as wrong.
        answer_weight: Weight of these questions in training: 1, or e.g. 0.2 for Visual Genome's single answers.
        kwargs: See ``ImageTextDataset``.

    Raises:
        FileNotFoundError: A file or the image folder is missing.
        AnnotationError: A file is not what it should be, or no question is left. The message names file and line.
        ValueError: An argument is not among its choices.
    """

    META_KEYS = ('question_id', 'answers', 'answer_type', 'question_type', 'answer_weight')

    def __init__(
        self,
        ann_file: str,
        format: str = 'vqa_v2',
        answer_file: str | None = None,
        image_name: str = '{image_id:012d}.jpg',
        holdout: float = 0.0,
        split: str | None = None,
        answer_list: str | None = None,
        answer_weight: float = 1.0,
        data_root: str = '',
        **kwargs: Any,
    ) -> None:
        if format not in FORMATS:
            raise ValueError(f'format must be one of {FORMATS}, got {format!r}')
        if (split is None) != (holdout == 0) or split not in (None, 'train', 'val') or not 0 <= holdout < 1:
            raise ValueError(
                f"split 'train' or 'val' needs a holdout between 0 and 1, got split={split!r} and holdout={holdout}"
            )
        self.format = format
        self.answer_file = os.path.join(data_root, answer_file) if answer_file else None
        self.image_name = image_name
        self.holdout = holdout
        self.split = split
        self.answer_list = answer_list
        self.answer_weight = answer_weight
        super().__init__(ann_file=ann_file, data_root=data_root, **kwargs)

    def load_data_list(self) -> list[dict]:
        """Reads and checks the files."""
        check_image_root(self.img_root)
        records = [record for record in self._records() if self._in_split(record)]
        if not self.test_mode:
            records = self._with_answers(records)
        if self.answer_list is not None:
            records = self._answerable(records, read_answer_list(self.answer_list))
        if not records:
            raise AnnotationError(
                f'{self.ann_file}: no question is left{f" in split {self.split}" * bool(self.split)}.'
            )
        check_some_images([record.img_path for record in records], self.img_root, self.ann_file)
        return [self._item(record) for record in records]

    def _records(self) -> Iterator[QuestionRecord]:
        questions = Path(self.ann_file)
        if self.format == 'visual_genome':
            return read_visual_genome(questions, self.img_root)
        answers = Path(self.answer_file) if self.answer_file else None
        return read_vqa_v2(questions, answers, self.img_root, self.image_name)

    def _in_split(self, record: QuestionRecord) -> bool:
        return self.split is None or (unit_hash(record.image_id) < self.holdout) == (self.split == 'val')

    def _with_answers(self, records: list[QuestionRecord]) -> list[QuestionRecord]:
        kept = [record for record in records if not all(map(is_blank, record.answers))]
        if not kept and records:
            raise AnnotationError(
                f'{self.ann_file}: no question has an answer to learn. Give answer_file, or set test_mode=True.'
            )
        if len(kept) < len(records):
            self._warn(f'{len(records) - len(kept)} of {len(records)} questions have no answer and were left out')
        return kept

    def _answerable(self, records: list[QuestionRecord], answers: list[str]) -> list[QuestionRecord]:
        listed = {normalise_answer(answer) for answer in answers}
        lost = [r for r in records if r.answers and not listed & {normalise_answer(answer) for answer in r.answers}]
        if not lost:
            return records
        if len(lost) == len(records):
            lost[0].entry.fail(
                f'not one of {len(records)} questions has an answer that is in {self.answer_list}, the first has '
                f'{sorted(set(lost[0].answers))[:3]}',
                'Is it the list of another data set? tools/dataset_converters/vqa_answer_list.py makes one.',
            )
        fate = 'stay, and count as wrong' if self.test_mode else 'were left out'
        self._warn(f'{len(lost)} of {len(records)} questions have no answer in {self.answer_list}: they {fate}')
        known = {record.question_id for record in lost}
        return records if self.test_mode else [record for record in records if record.question_id not in known]

    def _warn(self, what: str) -> None:
        print_log(f'{self.ann_file}: {what}', 'current', logging.WARNING)

    def _item(self, record: QuestionRecord) -> dict:
        item = {
            'img_path': record.img_path,
            'image_id': self.id_prefix + record.image_id,
            'sample_id': f'{self.id_prefix}{record.question_id}',
            'question_id': record.question_id,
            'text': record.question,
            'answer_type': record.answer_type,
            'question_type': record.question_type,
            'answer_weight': self.answer_weight,
        }
        return {**item, 'answers': record.answers} if record.answers else item
