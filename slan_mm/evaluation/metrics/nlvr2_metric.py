"""NLVR2: how often the model tells true sentences from false ones."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mmengine.evaluator import BaseMetric
from mmengine.logging import print_log

from slan_mm.atomic_files import replaced_atomically
from slan_mm.evaluation.functional.nlvr2 import nlvr2_scores
from slan_mm.registry import METRICS


@METRICS.register_module()
class NLVR2Metric(BaseMetric):
    """``nlvr2/accuracy`` and ``nlvr2/consistency`` in percent, ``nlvr2/num_examples``, ``nlvr2/num_sentences``.

    Both are those of :mod:`slan_mm.evaluation.functional.nlvr2`. An example that a loader repeats (to fill the last
    batch of a rank) counts once. Examples that the data set left out because a photograph is missing are counted in
    the protocol line: the official figures are over all examples.

    Args:
        out_file: A csv file 'identifier,True' for the official script; None writes none.
        prefix, collect_device, collect_dir: see mmengine's BaseMetric.
    """

    default_prefix = 'nlvr2'

    def __init__(
        self,
        out_file: str | None = None,
        prefix: str | None = None,
        collect_device: str = 'cpu',
        collect_dir: str | None = None,
    ) -> None:
        super().__init__(collect_device=collect_device, prefix=prefix, collect_dir=collect_dir)
        self.out_file = out_file

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Notes the answers of a batch.

        Args:
            data_batch: not used.
            data_samples: dicts with ``sample_id`` (the official identifier), ``gt_label`` and ``pred_label``, each 0
                (False) or 1 (True).
        """
        for sample in data_samples:
            self.results.append((str(sample['sample_id']), int(sample['pred_label']), int(sample['gt_label'])))

    def compute_metrics(self, results: list[tuple[str, int, int]]) -> dict[str, float]:
        """Scores of the answers of all ranks."""
        answers = {identifier: (predicted, gold) for identifier, predicted, gold in results}
        scores = nlvr2_scores({identifier: predicted == gold for identifier, (predicted, gold) in answers.items()})
        meta = self.dataset_meta or {}
        print_log(
            f'NLVR2 protocol: {meta.get("title", "data set")}, {len(answers)} examples ({len(results) - len(answers)} '
            f'repeated ones dropped) of {int(scores["num_sentences"])} sentences; {meta.get("left_out", 0)} examples '
            'left out because a photograph is missing; consistency: share of sentences right on all their pairs.',
            logger='current',
        )
        if self.out_file is not None:
            Path(self.out_file).parent.mkdir(parents=True, exist_ok=True)
            lines = [f'{identifier},{bool(predicted)}\n' for identifier, (predicted, _) in answers.items()]
            with replaced_atomically(self.out_file) as temporary:
                temporary.write_text(''.join(lines), encoding='utf-8')
        return scores
