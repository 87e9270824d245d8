"""Makes an index of images for text search (``tools/search.py``).

    python tools/index.py add my/index CONFIG CHECKPOINT my/pictures
    python tools/index.py remove my/index my/pictures/dog.jpg
    python tools/index.py remove my/index --gone
    python tools/index.py show my/index
    python tools/index.py compact my/index
    python tools/index.py export my/index my/folder --format qdrant

``add`` makes or extends the index: it encodes only images that are new or whose files have changed. ``remove`` removes
images; with ``--gone``, it removes all images whose files no longer exist. ``compact`` frees the disk space of earlier
versions. ``export`` writes files for the import into Milvus or Qdrant. See docs/search.md.
"""

import argparse
import logging
from pathlib import Path

from slan_mm.arguments import out_folder
from slan_mm.cli.errors import one_line_errors
from slan_mm.cli.options import ModelParser, add_model, add_settings, option, positive


def parse_options(arguments: list[str] | None = None) -> argparse.Namespace:
    """The command line's options."""
    parser = ModelParser(description='Makes an index of images for text search.')
    commands = parser.add_subparsers(dest='command', required=True)
    add = commands.add_parser('add', help='encode images that are new or have changed')
    add.add_argument('index', help='folder of the index')
    add_model(add)
    add.add_argument('inputs', nargs='+', metavar='image', help='image files, or folders of images')
    add.add_argument('--batch-size', type=positive, default=8, help='images per batch')
    add.add_argument(
        '--store-features',
        action='store_true',
        help='store the features of all images, so that searches encode no image again',
    )
    add.add_argument(
        '--share',
        type=positive,
        nargs=2,
        default=(1, 1),
        metavar=('I', 'N'),
        help='add the I-th of N shares of the images: for N processes, also on several machines, with --engine lancedb',
    )
    add.add_argument('--engine', choices=['faiss', 'lancedb'], help='storage of a new index (default: faiss)')
    add.add_argument('--device', help="'cpu' or 'cuda' (default: a GPU if there is one)")
    add_settings(add)
    remove = commands.add_parser('remove', help='remove images')
    remove.add_argument('index', help='folder of the index')
    remove.add_argument('inputs', nargs='*', metavar='image', help='image files')
    remove.add_argument('--gone', action='store_true', help='remove all images whose files no longer exist')
    show = commands.add_parser('show', help='list the images')
    show.add_argument('index', help='folder of the index')
    compact = commands.add_parser(
        'compact', help='free the disk space of earlier versions; nobody else may use the index'
    )
    compact.add_argument('index', help='folder of the index')
    export = commands.add_parser('export', help='write files for the import into Milvus or Qdrant')
    export.add_argument('index', help='folder of the index')
    export.add_argument('out', type=option(out_folder), help='output folder')
    export.add_argument('--format', choices=['milvus', 'qdrant'], required=True, help='format of the files')
    options = parser.parse_args(arguments)
    if options.command == 'add' and options.share[0] > options.share[1]:
        parser.error('add: --share: there are only {1} shares, got number {0}'.format(*options.share))
    if options.command == 'remove' and bool(options.inputs) == options.gone:
        parser.error('remove: name pictures, or give --gone')
    return options


if __name__ == '__main__':
    parse_options()  # --help and mistakes are answered before the imports below, which take seconds

from mmengine.logging import MMLogger

from slan_mm.apis import PictureSearch
from slan_mm.apis.index_engines import open_index
from slan_mm.apis.index_export import export_index
from slan_mm.datasets.pictures import list_pictures


def add(options: argparse.Namespace) -> str:
    """Encodes new images; returns a summary."""
    list_pictures(options.inputs, skipped=[])  # a missing file is an error before the model is loaded
    search = PictureSearch(options.config, options.checkpoint, device=options.device, cfg_options=options.cfg_options)
    done = search.index(
        options.index, options.inputs, options.batch_size, options.store_features, options.engine, tuple(options.share)
    )
    return (
        f'{options.index}: {done.added} pictures added, {done.changed} encoded again because they had changed, '
        f'{done.unchanged} unchanged, {len(done.unreadable)} unreadable and skipped'
    )


def remove(options: argparse.Namespace) -> str:
    """Removes images; returns a summary."""
    index = open_index(options.index)
    paths = [str(Path(path).resolve()) for path in options.inputs]
    if options.gone:
        paths = [path for path in index.pictures if not Path(path).is_file()]
    index.remove(paths)
    index.save()
    return f'{options.index}: {len(set(paths))} pictures removed, {len(index)} left'


def show(options: argparse.Namespace) -> str:
    """The images in the index, and the model that made it."""
    index = open_index(options.index)
    lines = [f'{picture.path}  {picture.width} x {picture.height}' for picture in index.pictures.values()]
    made = ', '.join(f'{name} {value}' for name, value in index.header.items())
    return '\n'.join([*lines, f'{len(index)} pictures; {made}'])


def compact(options: argparse.Namespace) -> str:
    """Frees disk space; says how much is left."""
    index = open_index(options.index)
    index.compact()
    size = sum(file.stat().st_size for file in index.folder.rglob('*') if file.is_file())
    return f'{options.index}: {len(index)} images in {size / 1e6:.1f} MB'


def export(options: argparse.Namespace) -> str:
    """Writes the index for another program; says how many pictures."""
    count = export_index(open_index(options.index), options.out, options.format)
    return f'{options.out}: {count} pictures for {options.format}'


@one_line_errors
def main(arguments: list[str] | None = None) -> None:
    """Runs the command."""
    options = parse_options(arguments)
    # With a logger of this name, lines on skipped pictures and on progress are seen.
    MMLogger.get_instance('index', log_level=logging.INFO)
    print({'add': add, 'remove': remove, 'show': show, 'compact': compact, 'export': export}[options.command](options))


if __name__ == '__main__':
    main()
