"""Text and JSON from files of any origin: whatever is wrong with them is one error that names file and line."""

import json
import re
from pathlib import Path
from typing import Any, NoReturn

_TEXT_OR_CONSTANT = re.compile(r'"(?:[^"\\]|\\.)*"|(-?Infinity|NaN)', re.DOTALL)


class TextFileError(ValueError):
    """A file is not the text or the JSON that it should be.

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
