"""Captions: the official scores, and a results file in COCO's format."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from mmengine.evaluator import BaseMetric
from mmengine.logging import print_log

from slan_mm.evaluation.functional.captions import SCORERS, score_captions, simple_tokens
from slan_mm.evaluation.metrics.results_file import as_id, write_results
from slan_mm.extras import require_extra
from slan_mm.registry import METRICS


@METRICS.register_module()
class CaptionMetric(BaseMetric):
    """BLEU-1 to 4, METEOR, ROUGE-L, CIDEr and SPICE by pycocoevalcap, see :func:`score_captions`; times 100.

    - ``caption/BLEU1``, ..., ``caption/CIDEr``, ``caption/SPICE``: as far as they can be had here; one line of the log
      tells what was left out and why. ``..._simple``: by a tokenizer that is not the official one.
    - ``caption/exact``: percent of the captions that are one of the image's references, but for case and punctuation.
    - ``caption/num_images``. An image that a loader repeats (to fill the last batch of a rank) counts once.

    Images without references, such as those of a test server, are not scored; their captions are in the results file.

    Args:
        outfile_prefix: Writes ``<outfile_prefix>.json``, ``[{image_id, caption}, ...]``, as COCO's and nocaps' servers
            take it. None writes nothing.
        scorers, tokenizer: See :func:`score_captions`.
        id_prefix: What to take off the front of image ids for the results file.
        prefix: Takes the place of ``caption``.
        collect_device, collect_dir: See mmengine's BaseMetric.

    Raises:
        ModuleNotFoundError: The extra ``captions`` is not installed.
    """

    default_prefix = 'caption'

    def __init__(
        self,
        outfile_prefix: str | None = None,
        scorers: Sequence[str] = SCORERS,
        tokenizer: str = 'ptb',
        id_prefix: str = '',
        prefix: str | None = None,
        collect_device: str = 'cpu',
        collect_dir: str | None = None,
    ) -> None:
        super().__init__(collect_device=collect_device, prefix=prefix, collect_dir=collect_dir)
        require_extra('captions')
        self.outfile_prefix = outfile_prefix
        self.scorers = tuple(scorers)
        self.tokenizer = tokenizer
        self.id_prefix = id_prefix

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Keeps the captions of a batch.

        Args:
            data_batch: Not used.
            data_samples: Dicts with ``image_id``, ``pred_caption`` and ``text``, the image's caption or all of them;
                none for images without references.
        """
        for sample in data_samples:
            references = sample.get('text') or []
            references = [references] if isinstance(references, str) else list(references)
            self.results.append((str(sample['image_id']), sample['pred_caption'], references))

    def compute_metrics(self, results: list[tuple[str, str, list[str]]]) -> dict[str, float]:
        """Scores what all ranks kept.

        Raises:
            ValueError: Some images have references and others none: a score would be of some images only.
        """
        captions = {image_id: caption for image_id, caption, _ in results}
        references = {image_id: texts for image_id, _, texts in results}
        if self.outfile_prefix is not None:
            rows = [dict(image_id=as_id(key, self.id_prefix), caption=text) for key, text in captions.items()]
            write_results(f'{self.outfile_prefix}.json', rows)
        metrics: dict[str, float] = {'num_images': float(len(captions))}
        if not any(references.values()):
            return metrics
        scores, left_out = score_captions(captions, references, self.scorers, self.tokenizer)
        if left_out:
            print_log(f'Caption scores left out: {"; ".join(left_out)}.', 'current', logging.WARNING)
        exact = [simple_tokens(text) in map(simple_tokens, references[key]) for key, text in captions.items()]
        return {**scores, 'exact': 100 * sum(exact) / len(exact), **metrics}
