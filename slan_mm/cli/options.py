"""Options that several tools have."""

import argparse
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, NoReturn

from mmengine.config import DictAction

from slan_mm.arguments import Check, out_folder, whole
from slan_mm.model_folder import is_hub_name, is_model_folder


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
        '--launcher', choices=['none', 'pytorch', 'slurm', 'mpi'], default='none', help='launcher of the processes'
    )
    # torch.distributed.launch passes this one.
    parser.add_argument('--local_rank', '--local-rank', type=int, default=0, help=argparse.SUPPRESS)


class _UnfitError(Exception):
    """A command line that this parser does not take."""


class ModelParser(argparse.ArgumentParser):
    """A parser of command lines with CONFIG CHECKPOINT, see :func:`add_model`.

    In the place of both may stand the folder of a model, or its name on a hub: it is then given to both.
    """

    _trying = False

    def error(self, message: str) -> NoReturn:
        """Ends the tool with ``message``."""
        if self._trying:
            raise _UnfitError
        super().error(message)

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """As ``argparse`` does, of a command line in which a model that stands for both is named twice."""
        words = list(sys.argv[1:] if args is None else args)
        return super().parse_known_args(self._with_both(words), namespace)

    def _with_both(self, words: list[str]) -> list[str]:
        if self._trying:
            return words
        for place, word in enumerate(words):
            if is_hub_name(word) or is_model_folder(word):
                if words[place + 1 : place + 2] == [word]:
                    return words
                both = [*words[:place], word, *words[place:]]
                self._trying = True
                try:
                    found, rest = self.parse_known_args(both, None)
                    # It must be the model, and nothing of what else a line may name.
                    if not rest and found.config == word == found.checkpoint:
                        return both
                except (_UnfitError, AttributeError):
                    pass
                finally:
                    self._trying = False
        return words


def add_model(parser: ModelParser, several: bool = False) -> None:
    """Adds the arguments ``config`` and ``checkpoint``; with ``several`` also ``later``, a list of checkpoints."""
    parser.add_argument(
        'config',
        help='config file of the model. Instead of CONFIG CHECKPOINT, give a model folder (from save_pretrained) '
        'or the name of a model on a hub (user/name), which is then downloaded',
    )
    parser.add_argument(
        'checkpoint', help='weights: a .pth or .safetensors file, or the work directory of the training'
    )
    if several:
        parser.add_argument('later', nargs='*', metavar='checkpoint', help='more checkpoints')


def parse_model_options(description: str, arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line of a tool that tests a model: ``config``, ``checkpoint``, ``device`` and ``cfg_options``."""
    parser = ModelParser(description=description)
    add_model(parser)
    parser.add_argument('--device', help="'cpu' or 'cuda' (default: a GPU if there is one)")
    add_settings(parser)
    return parser.parse_args(arguments)
