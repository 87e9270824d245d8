"""Upper bounds of R@1 on generated videos: one sentence may fit several videos.

    python tools/analysis/video_ceilings.py [CONFIG]

For a model that knows which objects are somewhere in a video, one that also knows that the two named objects are in
different scenes, and one that also knows the order of the scenes. The paper's model joins the regions of all frames,
so that it knows no order.
"""

import argparse

from slan_mm.cli.errors import one_line_errors

CONFIG = 'configs/video_retrieval/slan_tiny_shapes_video_retrieval.py'


def parse_options(arguments: list[str] | None = None) -> argparse.Namespace:
    """The command line's options."""
    parser = argparse.ArgumentParser(description='Upper bounds of R@1 on generated videos.')
    parser.add_argument('config', nargs='?', default=CONFIG, help=f'config with generated videos (default: {CONFIG})')
    return parser.parse_args(arguments)


if __name__ == '__main__':
    parse_options()  # --help and mistakes are answered before the imports below, which take seconds

from collections.abc import Callable, Sequence
from itertools import permutations

import numpy as np

from slan_mm.config import read_config
from slan_mm.datasets.shapes.agreement import best_recall
from slan_mm.datasets.shapes.videos import ShapesVideos
from slan_mm.registry import DATASETS

#: The kinds of objects in each scene of a video, such as {'red circle', 'blue star'}.
Kinds = Sequence[set[str]]


def somewhere(named: Sequence[str], scenes: Kinds) -> bool:
    """Whether all named objects are in the video."""
    return set(named) <= set().union(*scenes)


def one_a_scene(named: Sequence[str], scenes: Kinds) -> bool:
    """Whether each scene can be given another of the named objects that is in it."""
    return any(in_order(order, scenes) for order in permutations(named))


def in_order(named: Sequence[str], scenes: Kinds) -> bool:
    """Whether the first object is in the first scene, the second in the second."""
    return all(kind in scene for kind, scene in zip(named, scenes, strict=True))


SEERS: dict[str, Callable[[Sequence[str], Kinds], bool]] = {
    'which objects are in the video': somewhere,
    'that the two are in different scenes': one_a_scene,
    'the order of the scenes': in_order,
}


def ceilings(dataset: ShapesVideos) -> dict[str, tuple[float, float]]:
    """R@1 (video to text, text to video) of each of ``SEERS``."""
    videos = [dataset.scenes(row) for row in range(len(dataset))]
    named = [dataset.named_kinds(row, scenes) for row, scenes in enumerate(videos)]
    seen = [[{f'{item.color} {item.shape}' for item in scene.objects} for scene in scenes] for scenes in videos]
    return {
        name: best_recall(np.array([[fits(text, scenes) for text in named] for scenes in seen]))
        for name, fits in SEERS.items()
    }


@one_line_errors
def main(arguments: list[str] | None = None) -> None:
    """Prints the table."""
    options = parse_options(arguments)
    dataset = DATASETS.build(read_config(options.config).test_dataloader['retrieval']['dataset'])
    print('| who knows | video to text R@1 | text to video R@1 |\n| --- | ---: | ---: |')
    for name, (v2t, t2v) in ceilings(dataset).items():
        print(f'| {name} | {v2t:.1f} | {t2v:.1f} |')


if __name__ == '__main__':
    main()
