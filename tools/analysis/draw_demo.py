"""Draws the files of ``demo/``: pictures and videos of the generated test data, to try each task on.

    python tools/analysis/draw_demo.py work_dirs/demo

Writes ``shapes/{0..3}.png``, ``nlvr2/{left,right}.png`` and ``videos/{0..3}.mp4`` of twelve frames. Needs the extra
``video``. What they show is printed: captions, a sentence that is true, and a text for each video.
"""

import argparse
from fractions import Fraction
from pathlib import Path

from slan_mm.arguments import out_folder
from slan_mm.cli.errors import one_line_errors
from slan_mm.cli.options import option


def parse_options(arguments: list[str] | None = None) -> argparse.Namespace:
    """The command line's options."""
    parser = argparse.ArgumentParser(description='Draws the files of demo/.')
    parser.add_argument('out', type=option(out_folder), help='folder to write')
    return parser.parse_args(arguments)


if __name__ == '__main__':
    parse_options()  # --help and mistakes are answered before the imports below, which take seconds

from PIL import Image
from torch import Tensor

from slan_mm.datasets.shapes import ShapesNLVR, ShapesPairs, ShapesVideos
from slan_mm.own_files import start_afresh
from slan_mm.visualization.video_writer import VideoWriter

#: Items of the test splits. The sentence is true of this pair.
PICTURES, PAIR, VIDEOS = range(4), 0, range(4)
_RATE = 6


def save(picture: Tensor, path: Path) -> None:
    """Writes a (3, H, W) uint8 picture."""
    Image.fromarray(picture.permute(1, 2, 0).numpy()).save(path)


@one_line_errors
def main(arguments: list[str] | None = None) -> None:
    """Runs the command."""
    out = parse_options(arguments).out
    folders = ('shapes', 'nlvr2', 'videos')
    start_afresh(out, folders, 'demo')
    for name in folders:
        (out / name).mkdir()

    pictures = ShapesPairs(split='test', task='retrieval', captions_per_image=1)
    for index in PICTURES:
        save(pictures[index]['inputs'], out / f'shapes/{index}.png')
        print(f'shapes/{index}.png: {pictures[index]["data_samples"].text[0]}')

    pair = ShapesNLVR(split='test')[PAIR]
    for picture, side in zip(pair['inputs'], ('left', 'right'), strict=True):
        save(picture, out / f'nlvr2/{side}.png')
    print(f'nlvr2: {pair["data_samples"].text} ({bool(pair["data_samples"].gt_label)})')

    videos = ShapesVideos(split='test', num_frames=12)
    for index in VIDEOS:
        with VideoWriter(out / f'videos/{index}.mp4', rate=Fraction(_RATE)) as film:
            for number, frame in enumerate(videos[index]['inputs']):
                film.write(frame.permute(1, 2, 0).numpy(), number / _RATE)
        print(f'videos/{index}.mp4: {videos[index]["data_samples"].text[0]}')


if __name__ == '__main__':
    main()
