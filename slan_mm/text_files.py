"""Text, JSON and YAML from files of any origin: whatever is wrong is one error that names file and line."""

import json
import re
from itertools import accumulate
from pathlib import Path
from typing import Any, NoReturn

#: Brackets in brackets of YAML.
_DEEPEST = 200
_TEXT_OR_CONSTANT = re.compile(r'"(?:[^"\\]|\\.)*"|(-?Infinity|NaN)', re.DOTALL)


class TextFileError(ValueError):
    """A file is not the text, the JSON or the YAML that it should be.

    - ``what``: what is wrong.
    - ``line``: line number from 1, or None where it is not known.
    """

    def __init__(self, file: str | Path, what: str, line: int | None = None) -> None:
        super().__init__(f'{file}{f", line {line}" if line else ""}: {what}')
        self.what = what
        self.line = line


class _ConstantError(Exception):
    pass


def _refuse(constant: str) -> NoReturn:
    raise _ConstantError(constant)


def read_utf8(file: str | Path) -> str:
    """The text of a file in UTF-8, with or without byte order mark.

    Raises:
        OSError: It cannot be read.
        TextFileError: It is not UTF-8.
    """
    raw = Path(file).read_bytes()
    try:
        return raw.decode('utf-8-sig')
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b'\n') + 1
        raise TextFileError(file, f'not UTF-8 text ({error.reason})', line) from None


def read_json(file: str | Path) -> Any:
    """The value of a JSON file.

    Raises:
        OSError: It cannot be read.
        TextFileError: It is not UTF-8, or see :func:`parse_json`.
    """
    return parse_json(read_utf8(file), file)


def read_yaml(file: str | Path) -> Any:
    """The value of a YAML file of plain values.

    Raises:
        OSError: It cannot be read.
        TextFileError: It is not UTF-8 or no YAML, names one thing twice, is nested too deep, or has a whole number of
            thousands of digits.
    """
    import yaml

    class Loader(yaml.SafeLoader):
        """Refuses names that come twice, of which the last would count."""

        def construct_mapping(self, node: Any, deep: bool = False) -> dict:
            names: set[str] = set()
            for key, _ in node.value:
                if isinstance(key, yaml.ScalarNode) and key.value in names:
                    raise yaml.constructor.ConstructorError(None, None, f'{key.value!r} stands twice', key.start_mark)
                names.add(key.value if isinstance(key, yaml.ScalarNode) else '')
            return super().construct_mapping(node, deep)

    try:
        text = read_utf8(file)
        if max(accumulate((letter in '[{') - (letter in ']}') for letter in text), default=0) > _DEEPEST:
            raise RecursionError  # which YAML's reader takes seconds to find out
        return yaml.load(text, Loader)
    except yaml.YAMLError as error:
        mark = getattr(error, 'problem_mark', None)
        what = getattr(error, 'problem', None) or ' '.join(str(error).split())
        raise TextFileError(file, f'not valid YAML ({what})', mark.line + 1 if mark else None) from None
    except RecursionError:
        raise TextFileError(file, 'nested too deep to be read') from None
    except ValueError as error:  # a number of thousands of digits, a day that no month has
        if isinstance(error, TextFileError):
            raise
        raise TextFileError(file, f'not valid YAML ({error})') from None


def parse_json(text: str, file: str | Path, first_line: int = 1, nan: bool = False) -> Any:
    """The value of a JSON ``text``, which begins in line ``first_line`` of ``file``.

    With ``nan`` NaN and Infinity are numbers, for readers that look whether a number is finite.

    Raises:
        TextFileError: It is no JSON, has NaN or Infinity, which JSON does not know, is nested too deep, or has a whole
            number of thousands of digits.
    """

    def fail(what: str, position: int | None = None) -> NoReturn:
        if position is None:
            line = None if '\n' in text.rstrip() else first_line
        else:
            line = first_line + text.count('\n', 0, position)
        raise TextFileError(file, what, line) from None

    try:
        return json.loads(text, parse_constant=float if nan else _refuse)
    except json.JSONDecodeError as error:
        fail(f'not valid JSON ({error.msg}, column {error.colno})', error.pos)
    except _ConstantError as error:
        found = next((match.start() for match in _TEXT_OR_CONSTANT.finditer(text) if match[1]), None)
        fail(f'{error} is no value of JSON: write a number or null', found)
    except RecursionError:
        fail('nested too deep to be read')
    except ValueError:  # Python's limit for the digits of an int
        fail('a number has thousands of digits')
