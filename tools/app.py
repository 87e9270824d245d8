"""Shows a model in the browser: ground, search, other tasks, compare.

    python tools/app.py                                           the published tiny model, with pictures to begin with
    python tools/app.py CONFIG CHECKPOINT --index my/index        your own model, and an index of tools/index.py
    python tools/app.py CONFIG CHECKPOINT --compare CONFIG OTHER  two checkpoints side by side
    python tools/app.py --host 0.0.0.0                            for everyone who reaches this machine

Needs the extra 'app'. It listens on this machine alone unless --host says otherwise. docs/app.md shows the tabs.
"""

import argparse
import tempfile
from pathlib import Path

from slan_mm.cli.errors import one_line_errors
from slan_mm.cli.options import positive
from slan_mm.extras import require_extra
from slan_mm.shipped import ROOT, TINY_MODEL


def parse_options(arguments: list[str] | None = None) -> argparse.Namespace:
    """The command line's options."""
    parser = argparse.ArgumentParser(description='Shows a model in the browser.')
    parser.add_argument(
        'config', nargs='?', help='config file or folder of the model (default: the published tiny one)'
    )
    parser.add_argument('checkpoint', nargs='?', help='its weights: .pth, .safetensors, or the work directory')
    parser.add_argument('--index', type=Path, help='index of tools/index.py (default: one of the drawn pictures)')
    parser.add_argument(
        '--compare', nargs='+', metavar=('CONFIG', 'CHECKPOINT'), default=[], help='another model, for the tab Compare'
    )
    parser.add_argument('--host', default='127.0.0.1', help='address to listen on (default: this machine alone)')
    parser.add_argument('--port', type=positive, help='default: 7860, or the next that is free')
    parser.add_argument('--device', help="'cpu' or 'cuda' (default: a GPU if there is one)")
    options = parser.parse_args(arguments)
    if len(options.compare) > 2:
        parser.error('--compare takes a config and a checkpoint')
    if options.port is not None and options.port > 65535:
        parser.error('--port: there are 65535')
    return options


if __name__ == '__main__':
    parse_options()  # --help and mistakes are answered before the imports below, which take seconds

from slan_mm.app.models import AppModel
from slan_mm.app.samples import sample_pictures
from slan_mm.app.search import AppSearch
from slan_mm.app.server import build_page, is_loopback, set_environment, start


def open_app(options: argparse.Namespace, folder: Path) -> tuple[object, str]:
    """Starts the app, whose files lie in ``folder``; the page and its address.

    Raises:
        ModuleNotFoundError: gradio is not installed.
        ValueError, ...: A model, the index or the address is not as it must be.
    """
    require_extra('app')
    set_environment(folder / 'uploads')
    shipped = options.config is None
    asked = [[str(ROOT / name) for name in TINY_MODEL] if shipped else [options.config, options.checkpoint]]
    asked += [options.compare] if options.compare else []
    models = [AppModel(*one, device=options.device) for one in asked]
    samples = sample_pictures(folder / 'samples', 24)
    may_add = is_loopback(options.host)
    if options.index is not None:
        search = AppSearch(models[0], options.index, may_add=may_add)
        search.prepare()
    else:
        search = AppSearch(models[0], folder / 'index', folder / 'samples', may_add)
    page = build_page(models, search, samples[:4], shipped)
    return page, start(page, options.host, options.port)


@one_line_errors
def main(arguments: list[str] | None = None) -> None:
    """Serves until it is interrupted."""
    options = parse_options(arguments)
    with tempfile.TemporaryDirectory(prefix='slan-app-', ignore_cleanup_errors=True) as folder:
        page, address = open_app(options, Path(folder))
        print(f'The app is at {address} (Ctrl+C ends it)', flush=True)
        if not is_loopback(options.host):
            print('Everyone who reaches this machine can use it. Folders cannot be added to the index.', flush=True)
        page.block_thread()


if __name__ == '__main__':
    main()
