"""Which phrases a model grounds, by the size of their objects, and whether its boxes follow sizes at all.

    python tools/analysis/grounding_errors.py CONFIG CHECKPOINT

On the config's grounding test it prints pointing and R@1 of the answers and of the whole image, in groups by the share
of the image that a phrase's largest gold box covers. For each level it prints the correlation between the logarithms of
the areas of answers and gold boxes. Boxes of equal size can only fit objects of one size.
"""

import argparse
from collections.abc import Sequence
from itertools import pairwise

from slan_mm.cli.errors import one_line_errors
from slan_mm.cli.options import parse_model_options


def parse_options(arguments: list[str] | None = None) -> argparse.Namespace:
    """The command line's options."""
    return parse_model_options('Which phrases a model grounds, by the size of what they name.', arguments)


if __name__ == '__main__':
    parse_options()  # --help and mistakes are answered before the imports below, which take seconds

import numpy as np
import torch
from mmengine.runner import Runner
from model_errors import figure

from slan_mm.apis import GroundingInferencer
from slan_mm.applied_config import without_cached_pictures
from slan_mm.config import read_config
from slan_mm.evaluation.functional import score_phrase, whole_box

#: Bounds of the shares of the picture that tables tell apart.
AREAS = (0.0, 0.05, 0.2, 0.5, 1.0)


def share(boxes: torch.Tensor, shape: Sequence[float]) -> float:
    """The share of a picture of ``shape`` (height, width) that the largest of ``boxes`` (N, 4), in pixels, takes up.

    0 where there is none: the phrase was not read.
    """
    if not len(boxes):
        return 0.0
    sides = (boxes[:, 2:] - boxes[:, :2]).clamp(min=0).double()
    return float(sides.prod(1).max() / (shape[0] * shape[1]))


def phrase_rows(samples: Sequence) -> list[dict]:
    """Of each phrase that has a gold box: ``area`` of it, whether answer and whole picture point and hit, and ``areas``
    of the answers of all levels."""
    rows = []
    for sample in samples:
        shape = tuple(sample.ori_shape[:2])
        for phrase, levels in zip(sample.phrases, sample.pred_phrases, strict=True):
            gold = torch.as_tensor(phrase['boxes']).reshape(-1, 4).double()
            if not len(gold):
                continue
            answer = score_phrase(levels[-1]['boxes'].double().cpu(), gold)
            whole = score_phrase(whole_box(*shape), gold)
            rows.append(
                dict(
                    area=share(gold, shape),
                    areas=[share(level['boxes'][:1].cpu(), shape) for level in levels],
                    pointing=answer.pointing,
                    hit=answer.iou >= 0.5,
                    whole_pointing=whole.pointing,
                    whole_hit=whole.iou >= 0.5,
                )
            )
    return rows


def by_area(rows: Sequence[dict]) -> list[list[str]]:
    """A line for each range of ``AREAS``, and one for all."""
    lines = []
    for low, high in [*pairwise(AREAS), (AREAS[0], AREAS[-1])]:
        chosen = [row for row in rows if low <= row['area'] < high or high == row['area'] == AREAS[-1]]
        values = [
            100 * float(np.mean([row[key] for row in chosen])) if chosen else float('nan')
            for key in ('pointing', 'whole_pointing', 'hit', 'whole_hit')
        ]
        lines.append([f'{low:g} to {high:g}', str(len(chosen)), *(figure(value) for value in values)])
    return lines


def size_correlations(rows: Sequence[dict]) -> list[float]:
    """Of each level the correlation of log areas, answers' with gold boxes'; nan where all are the same."""
    floor = 1e-4
    gold = np.log([max(row['area'], floor) for row in rows])
    levels = np.log(np.maximum([row['areas'] for row in rows], floor))
    return [
        float(np.corrcoef(level, gold)[0, 1]) if min(level.std(), gold.std()) > 1e-9 else float('nan')
        for level in levels.T
    ]


@one_line_errors
@torch.no_grad()
def main(arguments: list[str] | None = None) -> None:
    """Grounds the test's phrases, and prints two tables."""
    options = parse_options(arguments)
    cfg = read_config(options.config, options.cfg_options)
    model = GroundingInferencer(cfg, options.checkpoint, options.device, show_progress=False).model
    loader = cfg.test_dataloader['grounding']
    loader.dataset = without_cached_pictures(loader.dataset)
    samples = [sample for batch in Runner.build_dataloader(loader) for sample in model.test_step(batch)]
    rows = phrase_rows(samples)
    print(
        '\n| share of the picture | phrases | pointing | whole picture | R@1 | whole picture |\n'
        '| --- | ---: | ---: | ---: | ---: | ---: |'
    )
    for line in by_area(rows):
        print(f'| {" | ".join(line)} |')
    correlations = size_correlations(rows)
    print(f'\n| level | {" | ".join(map(str, range(len(correlations))))} |\n| --- {"| ---: " * len(correlations)}|')
    print(f'| correlation of log areas with gold | {" | ".join(figure(value, 2) for value in correlations)} |')


if __name__ == '__main__':
    main()
