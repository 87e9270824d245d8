"""Options that several tools have."""

import argparse
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from mmengine.config import DictAction

from slan_mm.arguments import Check, out_folder, whole


def option(check: Check) -> Callable[[str], Any]:
    """The ``type`` of an option: numbers are read, and what is not as ``check`` says is told in a line."""

    def read(text: str) -> Any:
        value: Any = text
        for kind in (float, int):
            with suppress(ValueError):
                value = kind(text)
        try:
            return check(value)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return read


#: The ``type`` of an option that counts something.
positive = option(whole(1))


class KeyValues(DictAction):
    """MMEngine's ``DictAction``, options as key=value; what is none is told in a line."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        option_string: str | None = None,
    ) -> None:
        """Reads ``values`` into a dict."""
        for value in [values] if isinstance(values, str) else values or []:
            if '=' not in value:
                parser.error(f'{option_string}: {value!r} is no key=value')
        super().__call__(parser, namespace, values, option_string)


def add_settings(parser: argparse.ArgumentParser) -> None:
    """Adds ``--cfg-options``; :func:`slan_mm.config.read_config` applies them."""
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=KeyValues,
        default={},
        metavar='KEY=VALUE',
        help='settings that override the config; nested keys with dots, lists as key="[a,b]"',
    )


def add_run_options(parser: argparse.ArgumentParser) -> None:
    """Adds what ``tools/train.py`` and ``tools/test.py`` both have."""
    parser.add_argument(
        '--work-dir', type=option(out_folder), help='folder for logs and checkpoints (default: work_dirs/<config name>)'
    )
    add_settings(parser)
    parser.add_argument(
        '--launcher', choices=['none', 'pytorch', 'slurm', 'mpi'], default='none', help='what started the processes'
    )
    # torch.distributed.launch passes this one.
    parser.add_argument('--local_rank', '--local-rank', type=int, default=0, help=argparse.SUPPRESS)


def parse_model_options(description: str, arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line of a tool that tests a model: ``config``, ``checkpoint``, ``device`` and ``cfg_options``."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument('config', help='config file of the model')
    parser.add_argument('checkpoint', help='its weights: .pth, .safetensors, or the work directory of its training')
    parser.add_argument('--device', help="'cpu' or 'cuda' (default: a GPU where there is one)")
    add_settings(parser)
    return parser.parse_args(arguments)
