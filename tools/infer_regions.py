"""Shows where in a picture the words of a text are.

    python tools/infer_regions.py CONFIG CHECKPOINT dog.jpg 'a [dog] runs over the [wet grass]' --out regions.png

Brackets mark the phrases to look for; without any, every word that can name something is one. Prints the best box of
each phrase, in pixels of the picture, and draws them all. A score is the mean cosine of the phrase's words and the
region, at most 1: it ranks regions of one picture, and is no probability that the thing is there.
"""

import argparse
import sys
from pathlib import Path

from mmengine.config import DictAction

from slan_mm.apis import RegionInferencer, read_marked_text
from slan_mm.datasets.unreadable import UnreadableImageError
from slan_mm.visualization import draw_regions, drawn_picture


def parse_options(arguments: list[str] | None = None) -> argparse.Namespace:
    """The command line's options."""
    parser = argparse.ArgumentParser(description='Shows where in a picture the words of a text are.')
    parser.add_argument('config', help='config file of the model')
    parser.add_argument('checkpoint', help='its weights (.pth or .safetensors)')
    parser.add_argument('image', help='picture')
    parser.add_argument('text', help="a text whose phrases stand in brackets: 'a [dog] on the [grass]'")
    parser.add_argument('--out', default='regions.png', metavar='FILE.png', help='the drawing (default: regions.png)')
    parser.add_argument('--top', type=int, default=1, help='boxes printed for each phrase')
    parser.add_argument('--device', help="'cpu' or 'cuda' (default: a GPU where there is one)")
    parser.add_argument('--cfg-options', nargs='+', action=DictAction, help='settings that override the config')
    options = parser.parse_args(arguments)
    if not options.out.endswith('.png'):
        parser.error(f'--out: {options.out} does not end in .png')
    return options


def main(arguments: list[str] | None = None) -> None:
    """Locates, prints, draws."""
    options = parse_options(arguments)
    try:
        marked = read_marked_text(options.text)
        if not Path(options.image).is_file():
            raise FileNotFoundError(f'there is no picture {options.image}')
        inferencer = RegionInferencer(options.config, options.checkpoint, options.device, options.cfg_options)
        sample = inferencer(options.image, marked)
    except (ValueError, FileNotFoundError, UnreadableImageError) as error:
        sys.exit(f'infer_regions: {error}')
    for phrase, levels in zip(marked.phrases, sample.pred_phrases, strict=True):
        for box, score in zip(levels[-1]['boxes'][: options.top], levels[-1]['scores'], strict=False):
            corners = ', '.join(f'{value:.0f}' for value in box.tolist())
            print(f'{phrase}: [{corners}]  score {score:.3f}')
    canvas = draw_regions([drawn_picture(sample)], columns=1, column_width=420.0)
    print(f'drawn: {canvas.save(options.out)}')


if __name__ == '__main__':
    main()
