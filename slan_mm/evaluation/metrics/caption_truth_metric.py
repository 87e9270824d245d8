"""Captions of generated pictures: are they true? The generator knows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from mmengine.evaluator import BaseMetric

from slan_mm.datasets.shapes.agreement import agreement, is_caption, is_true
from slan_mm.datasets.shapes.file_backend import scene_at
from slan_mm.registry import METRICS


@METRICS.register_module()
class CaptionTruthMetric(BaseMetric):
    """How much of what captions say of generated pictures holds, in percent.

    - ``caption/true``: captions of which every word holds, see :func:`is_true`.
    - ``caption/well_formed``: captions of the grammar; the others count as not true.
    - ``caption/true_colours``, ``..._shapes``, ``..._colours_with_their_shapes``, ``..._sizes``, ``..._relations``: of
      the well-formed captions the share of each aspect that holds, see :func:`agreement`.

    References, such as those of BLEU and CIDEr, are a few of all the captions that fit a picture; these need none. An
    image that a loader repeats (to fill the last batch of a rank) counts once.

    Args:
        prefix, collect_device, collect_dir: See mmengine's BaseMetric.
    """

    default_prefix = 'caption'

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Judges the captions of a batch.

        Args:
            data_batch: Not used.
            data_samples: Dicts with ``image_id``, ``img_path`` and ``pred_caption``.

        Raises:
            FileNotFoundError: A sample is of no generated picture.
        """
        for sample in data_samples:
            scene, text = scene_at(sample['img_path']), sample['pred_caption']
            held = agreement(text, scene) if is_caption(text) else {}
            self.results.append((str(sample['image_id']), is_true(text, scene), held))

    def compute_metrics(self, results: list[tuple[str, bool, dict[str, float]]]) -> dict[str, float]:
        """Averages what all ranks kept."""
        by_image = {image_id: (true, held) for image_id, true, held in results}
        shares: dict[str, list[float]] = defaultdict(list)
        for true, held in by_image.values():
            shares['true'].append(float(true))
            shares['well_formed'].append(float(bool(held)))
            for aspect, share in held.items():
                shares[f'true_{aspect.replace(" ", "_")}'].append(share)
        return {name: 100 * sum(values) / len(values) for name, values in shares.items()}
