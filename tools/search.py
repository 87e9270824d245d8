"""Searches an index of images (``tools/index.py``) by text.

    python tools/search.py my/index CONFIG CHECKPOINT --text 'a [dog] on a [beach]' --text 'two cats' --out-dir found

Prints the best images for each text, with the boxes of its phrases. Brackets mark phrases; without brackets, the noun
phrases are used. ``--out-dir`` writes ``predictions.json`` and a page for each text. docs/search.md explains the
scores.
"""

import argparse

from slan_mm.arguments import out_folder, real
from slan_mm.cli.errors import one_line_errors
from slan_mm.cli.options import ModelParser, add_model, add_settings, option, positive


def parse_options(arguments: list[str] | None = None) -> argparse.Namespace:
    """The command line's options."""
    parser = ModelParser(description='Searches an index of images by text.')
    parser.add_argument('index', help='folder of the index')
    add_model(parser)
    parser.add_argument('--text', action='append', required=True, help='text to search for; repeat for several')
    parser.add_argument('--top', type=positive, default=10, help='images per text')
    parser.add_argument('--m', type=positive, default=500, help='images that get the mixed score: the best by ITC')
    parser.add_argument(
        '--k', type=positive, default=64, help='images that get the ITM score: the best by the mixed score'
    )
    parser.add_argument(
        '--full-k', type=positive, help='images of these that go through all levels of the locator (default: all)'
    )
    parser.add_argument(
        '--cache-gb',
        type=option(real(0)),
        default=2.0,
        help='maximum size of the features cached in the index, in 10^9 bytes',
    )
    parser.add_argument('--itm-weight', type=option(real()), help="weight of the ITM logit (default: the model's own)")
    parser.add_argument('--batch-size', type=positive, default=32, help='pairs per batch')
    parser.add_argument(
        '--out-dir', type=option(out_folder), default='', help='folder for predictions.json and the pages'
    )
    parser.add_argument('--show', action='store_true', help='open each page in the image viewer of the desktop')
    parser.add_argument('--device', help="'cpu' or 'cuda' (default: a GPU if there is one)")
    add_settings(parser)
    return parser.parse_args(arguments)


if __name__ == '__main__':
    parse_options()  # --help and mistakes are answered before the imports below, which take seconds

from slan_mm.apis import PictureSearch


@one_line_errors
def main(arguments: list[str] | None = None) -> None:
    """Searches, prints, writes."""
    options = parse_options(arguments)
    k = max(options.k, options.top)
    cascade = dict(top=options.top, k=k, m=max(options.m, k), full_k=options.full_k)
    PictureSearch.check_call(options.index, options.text, batch_size=options.batch_size, **cascade)
    search = PictureSearch(options.config, options.checkpoint, device=options.device, cfg_options=options.cfg_options)
    result = search(
        options.index,
        options.text,
        **cascade,
        itm_weight=options.itm_weight,
        cache_gb=options.cache_gb,
        batch_size=options.batch_size,
        show=options.show,
        img_out_dir=options.out_dir,
        pred_out_dir=options.out_dir,
    )
    for prediction in result['predictions']:
        print(search.describe(prediction))
    if options.out_dir:
        print(f'written: {options.out_dir}')


if __name__ == '__main__':
    main()
