"""Options that tools have in common."""

import argparse
from collections.abc import Sequence
from typing import Any

from mmengine.config import DictAction


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
