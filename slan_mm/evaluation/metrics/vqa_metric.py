"""Visual question answering: the official accuracy, and a results file for the test server."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from mmengine.evaluator import BaseMetric

from slan_mm.evaluation.functional.vqa import vqa_accuracy
from slan_mm.evaluation.metrics.results_file import write_results
from slan_mm.registry import METRICS


@METRICS.register_module()
class VQAMetric(BaseMetric):
    """The official accuracy of VQA v2, see :func:`vqa_accuracy`; in percent.

    - ``vqa/accuracy``: the mean over all questions.
    - ``vqa/yes_no``, ``vqa/number``, ``vqa/other``: the means over the questions of an answer type, where it is known.
    - ``vqa/num_questions``. A question that a loader repeats (to fill the last batch of a rank) counts once.

    Questions without annotated answers, such as those of test-dev, are not scored; their answers are in the results
    file.

    Args:
        outfile_prefix: Writes ``<outfile_prefix>.json``, ``[{question_id, answer}, ...]``, as the server takes it.
            None writes nothing.
        prefix: Takes the place of ``vqa``.
        collect_device, collect_dir: See mmengine's BaseMetric.
    """

    default_prefix = 'vqa'

    def __init__(
        self,
        outfile_prefix: str | None = None,
        prefix: str | None = None,
        collect_device: str = 'cpu',
        collect_dir: str | None = None,
    ) -> None:
        super().__init__(collect_device=collect_device, prefix=prefix, collect_dir=collect_dir)
        self.outfile_prefix = outfile_prefix

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Scores a batch.

        Args:
            data_batch: Not used.
            data_samples: Dicts with ``question_id``, ``pred_answer`` and, where known, ``answers`` (the annotators')
                and ``answer_type`` and ``sample_id``.
        """
        for sample in data_samples:
            answers, answer = sample.get('answers') or [], sample['pred_answer']
            score = vqa_accuracy(answer, answers) if answers else None
            # Data sets that are evaluated together may number their questions alike: an id of ours has their prefix.
            key = sample.get('sample_id') or sample['question_id']
            self.results.append((key, sample['question_id'], answer, score, sample.get('answer_type')))

    def compute_metrics(
        self, results: list[tuple[int | str, int | str, str, float | None, str | None]]
    ) -> dict[str, float]:
        """Averages what all ranks kept.

        Raises:
            ValueError: Some questions have annotated answers and others none: a score would be of some of them only.
        """
        by_question = {row[0]: row[1:] for row in results}
        if self.outfile_prefix is not None:
            rows = [dict(question_id=key, answer=answer) for key, answer, *_ in by_question.values()]
            write_results(f'{self.outfile_prefix}.json', rows)
        groups: dict[str, list[float]] = defaultdict(list)
        for _, _, score, answer_type in by_question.values():
            if score is not None:
                groups['accuracy'].append(score)
                if answer_type:
                    groups[answer_type.replace('/', '_')].append(score)
        scored = len(groups.get('accuracy', ()))
        if scored not in (0, len(by_question)):
            raise ValueError(f'only {scored} of {len(by_question)} questions have annotated answers')
        metrics = {name: 100 * sum(scores) / len(scores) for name, scores in groups.items()}
        return {**metrics, 'num_questions': float(len(by_question))}
