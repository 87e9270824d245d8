"""AP50 by chance: what a detector reaches that answers with the labels of other pictures, drawn by lot.

    python tools/analysis/chance_boxes.py work_dirs/pseudo_labels/labels.json boxes.json

LABELS are a detector's training labels, BOXES the true boxes that it is tested on, both in COCO's format. Each picture
of BOXES gets the labels of ``--draws`` labelled pictures, at the same place and size as a share of the picture. Prints
AP50 of each class that both have boxes of, the mean over ``--seeds`` lots.
"""

import argparse
from collections import defaultdict
from pathlib import Path

from slan_mm.cli.errors import one_line_errors
from slan_mm.cli.options import positive


def parse_options(arguments: list[str] | None = None) -> argparse.Namespace:
    """The command line's options."""
    parser = argparse.ArgumentParser(description='AP50 of the labels of other pictures.')
    parser.add_argument('labels', type=Path, help='COCO file with training labels')
    parser.add_argument('boxes', type=Path, help='COCO file with true boxes')
    parser.add_argument('--draws', type=positive, default=10, help='labelled pictures a picture (default: 10)')
    parser.add_argument('--seeds', type=positive, default=5, help='lots whose mean is told (default: 5)')
    return parser.parse_args(arguments)


if __name__ == '__main__':
    parse_options()  # --help and mistakes are answered before the imports below, which take seconds

import contextlib
import io

import numpy as np
from pycocotools.cocoeval import COCOeval

from slan_mm.datasets.coco_file import CocoFile


def draw(labels: CocoFile, true: CocoFile, draws: int, seed: int) -> list[dict]:
    """Detections for the pictures of ``true``: the labels of ``draws`` labelled pictures each, with random scores."""
    rng = np.random.default_rng(seed)
    numbers = {one['name']: number for number, one in true.cats.items()}
    labelled = sorted(number for number, own in labels.imgToAnns.items() if own)
    found = []
    for picture in true.imgs.values():
        for number in rng.choice(labelled, draws):
            image = labels.imgs[int(number)]
            scale = np.tile([picture['width'] / image['width'], picture['height'] / image['height']], 2)
            for one in labels.imgToAnns[int(number)]:
                category = numbers.get(labels.cats[one['category_id']]['name'])
                if category is not None:
                    box = (np.array(one['bbox']) * scale).tolist()
                    new = dict(image_id=picture['id'], category_id=category, bbox=box, score=float(rng.random()))
                    found.append(new)
    return found


def ap50(true: CocoFile, found: list[dict], names: list[str]) -> dict[str, float]:
    """AP50 of each of the classes ``names``, in [0, 1]."""
    numbers = {one['name']: number for number, one in true.cats.items()}
    with contextlib.redirect_stdout(io.StringIO()):
        evaluation = COCOeval(true, true.loadRes(found), 'bbox')
        evaluation.params.catIds = [numbers[name] for name in names]
        evaluation.params.iouThrs = np.array([0.5])
        evaluation.evaluate()
        evaluation.accumulate()
    # (IoU, recall, class, area, detections): all areas, most detections.
    precision = evaluation.eval['precision'][0, :, :, 0, -1]
    ids = evaluation.params.catIds
    return {name: float(precision[:, ids.index(numbers[name])].mean()) for name in names}


@one_line_errors
def main(arguments: list[str] | None = None) -> None:
    """Draws, evaluates, prints."""
    options = parse_options(arguments)
    labels, true = CocoFile(str(options.labels)), CocoFile(str(options.boxes))
    names = sorted({one['name'] for number, one in labels.cats.items() if labels.catToImgs[number]})
    names = [one['name'] for number, one in true.cats.items() if one['name'] in names and true.catToImgs[number]]
    if not names:
        raise ValueError(f'{options.labels} and {options.boxes} have boxes of no class in common')
    values: dict[str, list[float]] = defaultdict(list)
    for seed in range(options.seeds):
        for name, value in ap50(true, draw(labels, true, options.draws, seed), names).items():
            values[name].append(value)
    for name in names:
        print(f'{name}: AP50 {100 * np.mean(values[name]):.1f}')
    print(f'mean of {len(names)} classes: AP50 {100 * np.mean([values[name] for name in names]):.1f}')


if __name__ == '__main__':
    main()
