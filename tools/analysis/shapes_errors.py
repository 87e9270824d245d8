"""What a model of generated shapes data gets wrong in retrieval: colours, shapes, their binding, sizes, relations.

    python tools/analysis/shapes_errors.py CONFIG CHECKPOINT

For each text it compares the image that the model ranks first with the scene that this image was drawn from: which
parts of the text are true of it? It also prints the mean R@1 of models that guess among the images that fit, because
one caption may fit several: of a model that sees everything, and of models that see only a part.
"""

import argparse
from collections.abc import Iterable, Sequence

from slan_mm.cli.errors import one_line_errors
from slan_mm.cli.options import parse_model_options


def parse_options(arguments: list[str] | None = None) -> argparse.Namespace:
    """The command line's options."""
    return parse_model_options('What a model of generated shapes data gets wrong in retrieval.', arguments)


if __name__ == '__main__':
    parse_options()  # --help and mistakes are answered before the imports below, which take seconds

import numpy as np
from mmengine.runner import Runner
from model_errors import figure

from slan_mm.apis import RetrievalInferencer
from slan_mm.config import read_config
from slan_mm.datasets.shapes.agreement import ASPECTS, agreement, best_recall
from slan_mm.datasets.shapes.scene import Scene
from slan_mm.registry import EVALUATOR

#: What must hold in full for a picture to fit a text, from seeing little to seeing all.
SEERS = {
    'colours': ASPECTS[:1],
    'colours and shapes, not which with which': ASPECTS[:2],
    'colours with their shapes': ASPECTS[:3],
    'everything': ASPECTS,
}


def ceilings(texts: Sequence[str], scenes: Sequence[Scene]) -> dict[str, tuple[float, float]]:
    """R@1 (i2t, t2i) of each of ``SEERS``; text n is of scene n."""
    held = [[agreement(text, scene) for text in texts] for scene in scenes]
    return {
        name: best_recall(np.array([[all(cell.get(a, 1) == 1 for a in aspects) for cell in row] for row in held]))
        for name, aspects in SEERS.items()
    }


def mean_agreement(pairs: Iterable[tuple[str, Scene]]) -> dict[str, float]:
    """Of each aspect the mean over the pairs that it is told of, in percent."""
    held = [agreement(text, scene) for text, scene in pairs]
    return {
        name: 100 * float(np.mean(told)) if (told := [one[name] for one in held if name in one]) else float('nan')
        for name in ASPECTS
    }


@one_line_errors
def main(arguments: list[str] | None = None) -> None:
    """Ranks the test split, and prints two tables."""
    options = parse_options(arguments)
    cfg = read_config(options.config, options.cfg_options)
    model = RetrievalInferencer(cfg, options.checkpoint, options.device, show_progress=False).model
    loader = Runner.build_dataloader(cfg.test_dataloader['retrieval'])
    dataset = loader.dataset
    scenes = [dataset.scene(index) for index in range(len(dataset))]
    lines = []
    for name, fast in (('mixed score', True), ('re-ranked by ITM', False)):
        evaluator = EVALUATOR.build({**cfg.test_evaluator['retrieval'], 'fast': fast})
        evaluator.run(model, loader)
        texts, own, first = evaluator.gallery.texts, evaluator.gallery.text_image, evaluator.t2i.shortlist[:, 0]
        held = mean_agreement((text, scenes[image]) for text, image in zip(texts, first, strict=True))
        lines.append([name, 100 * float(np.mean(own == first)), *held.values()])
    one_each = [next(text for text, image in zip(texts, own, strict=True) if image == n) for n in range(len(scenes))]
    print('\n| who sees | i2t R@1 | t2i R@1 |\n| --- | ---: | ---: |')
    for name, (i2t, t2i) in ceilings(one_each, scenes).items():
        print(f'| {name} | {i2t:.1f} | {t2i:.1f} |')
    print(
        f'\n| first picture of a text by | t2i R@1 | {" | ".join(ASPECTS)} |\n| --- {"| ---: " * (len(ASPECTS) + 1)}|'
    )
    for name, *values in lines:
        print(f'| {name} | {" | ".join(map(figure, values))} |')


if __name__ == '__main__':
    main()
