"""Fuzzing of readers: many small changes of a valid file, each read or refused in one line that names the file.

    def test_fuzzed(tmp_path):
        file = tmp_path / 'captions.json'
        file.write_text(json.dumps(VALID))
        fuzz(lambda: read(file), file, check)

Changes are drawn by a seed. ``SLAN_FUZZ_ROUNDS=500`` makes more of them than the suite's few, and
``SLAN_FUZZ_COUNTS=FILE`` appends a line of JSON for each reader: how many were read, and how many refused.
"""

import json
import os
import random
import traceback
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import yaml

ROUNDS = int(os.environ.get('SLAN_FUZZ_ROUNDS', '40'))
#: Of readers that take a tenth of a second.
FEW_ROUNDS = int(os.environ.get('SLAN_FUZZ_ROUNDS', '5'))
COUNTS = os.environ.get('SLAN_FUZZ_COUNTS')
#: Values that stand where others are expected.
ODD = (
    None, True, False, 0, -1, 1, '1', 1.0, 0.5, 1e308, 10**30, '', ' ', '\u200b', 'a', 'a.', '.', '..', '/', './a.jpg',
    'x/../a.jpg', 'A.JPG', '\ud83d', 'caf\udce9.jpg', 'a\0b', 'a\nb', 'a\u2028b', 'a\rb', '"', ',', '猫', '😀',
    'e\u0301', '9' * 400, 'x ' * 3000, [], {}, [[]], [None], [''], ['a', 1], {'a': None}, 'NaN', 'train ', 'Train',
    [0, 1], [1, 0], [[0, 10**9]],
)  # fmt: skip
_RAW = (
    'NaN',
    'Infinity',
    '-Infinity',
    '9' * 400,
    '9' * 5000,
    '[' * 5000 + ']' * 5000,
    '1e999',
    '-0',
    '"\\ud83d"',
    '"\\u0000"',
)
_BYTES = (
    b'"', b'""', b',', b';', b'\t', b'\n', b'\r', b'\r\n', b'\0', b'\xff', b'\xed\xa0\xbd', b'\xef\xbb\xbf', b'\\',
    b'{', b'}', b'[', b']', b':', b' ', b'\xe2\x80\xa8', b'\xe2\x80\x8b', b'0', b'-', b'a',
)  # fmt: skip
_MARK = '\ue000'


def fuzz(
    read: Callable[[], Any],
    file: Path,
    check: Callable[[Any], None],
    rounds: int = ROUNDS,
    seed: int = 0,
    skipped: Callable[[Exception], bool] = lambda error: False,
) -> dict[str, int]:
    """Changes ``file``, reads it, and looks at what comes out; the file is left as it was.

    Args:
        read: Reads ``file`` as the product does, and returns what it made of it.
        file: A valid file: .json and .jsonl are changed in their values, too, .csv and .tsv in their cells, .yml and
            .yaml in their values, all others in their bytes alone.
        check: Raises AssertionError where what was read is not usable, whatever the file.
        rounds: Changes.
        seed: Of all changes.
        skipped: Whether an error without the file's name is right.

    Returns:
        How many files were 'read' and how many 'refused'.

    Raises:
        AssertionError: The valid file is refused; ``check`` fails; or an error is no ValueError or OSError, does not
            name the file, or has several lines. The message has the change and the traceback.
    """
    rng, valid = random.Random(seed), file.read_bytes()
    check(read())
    counts = {'read': 0, 'refused': 0}
    try:
        for number in range(rounds):
            file.write_bytes(changed := mutate(valid, file.suffix, rng))
            try:
                result = read()
            except Exception as error:
                named = isinstance(error, ValueError | OSError) and file.name in str(error) and '\n' not in str(error)
                if not named and not skipped(error):
                    raise AssertionError(_report(number, valid, changed) + traceback.format_exc()) from error
                counts['refused'] += 1
                continue
            try:
                check(result)
            except Exception as error:
                raise AssertionError(_report(number, valid, changed) + traceback.format_exc()) from error
            counts['read'] += 1
    finally:
        file.write_bytes(valid)
    check(read())
    if COUNTS:
        test = os.environ['PYTEST_CURRENT_TEST'].split(' ')[0]
        with open(COUNTS, 'a', encoding='utf-8') as told:
            told.write(json.dumps({'test': test, 'file': file.name, 'inputs': rounds, **counts}) + '\n')
    return counts


def mutate(valid: bytes, suffix: str, rng: random.Random) -> bytes:
    """One to three changes of a file's content."""
    content = valid
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        structured = _STRUCTURED.get(suffix)
        if structured is not None and rng.random() < 0.7:
            try:
                content = structured(content, rng)
                continue
            except (ValueError, RecursionError, yaml.YAMLError):  # an earlier change has made it unreadable
                pass
        content = _some_bytes(content, rng)
    return content


def _some_bytes(content: bytes, rng: random.Random) -> bytes:
    start = rng.randrange(len(content) + 1)
    stop = min(len(content), start + rng.choice((0, 1, 1, 2, 8, 64)))
    kind = rng.randrange(5)
    if kind == 0:  # cut off
        return content[:start]
    if kind == 1:  # a flipped bit
        flipped = bytearray(content)
        if start < len(content):
            flipped[start] ^= 1 << rng.randrange(8)
        return bytes(flipped)
    if kind == 2:  # a piece twice
        return content[:stop] + content[start:]
    return content[:start] + (rng.choice(_BYTES) if kind == 3 else b'') + content[stop:]


def _json(content: bytes, rng: random.Random) -> bytes:
    return _changed_value(json.loads(content), rng).encode()


def _yaml(content: bytes, rng: random.Random) -> bytes:
    return _changed_value(yaml.safe_load(content), rng).encode()


def _lines(content: bytes, rng: random.Random) -> bytes:
    lines = content.decode().split('\n')
    number = rng.randrange(len(lines))
    if not lines[number]:
        lines[number] = rng.choice(('null', '[]', '{}', '1', ' ', '\ufeff'))
    else:
        lines[number] = _changed_value(json.loads(lines[number]), rng)
    return '\n'.join(lines).encode()


def _changed_value(data: Any, rng: random.Random) -> str:
    data = deepcopy(data)
    places = list(_places(data))
    raw = rng.choice(_RAW)
    if not places:
        return rng.choice((raw, 'null', '[]'))
    holder, key = rng.choice(places)
    kind = rng.randrange(6)
    if kind == 0 and isinstance(holder, dict):
        del holder[key]
    elif kind == 1 and isinstance(holder, list):
        holder.insert(key, deepcopy(holder[key]))
    elif kind == 2:
        holder[key] = _MARK
    elif kind == 3:  # a value from elsewhere in the file
        other, name = rng.choice(places)
        holder[key] = deepcopy(other[name])
    else:
        holder[key] = deepcopy(rng.choice(ODD))
    return json.dumps(data, indent=rng.choice((None, 1))).replace(json.dumps(_MARK), raw)


def _places(data: Any) -> Any:
    """Every (list or dict, key) below ``data``."""
    for key in data if isinstance(data, dict) else range(len(data)) if isinstance(data, list) else ():
        yield data, key
        yield from _places(data[key])


def _cells(content: bytes, rng: random.Random) -> bytes:
    """Changes a cell, as a file that was written by hand: nothing is quoted for it."""
    lines = content.decode().split('\n')
    number = rng.randrange(len(lines))
    mark = next((mark for mark in '\t;,' if mark in lines[0]), ',')
    cells = lines[number].split(mark)
    place = rng.randrange(len(cells))
    text = rng.choice([value for value in ODD if isinstance(value, str)])
    cells[place] = rng.choice((text, '"' + cells[place], cells[place] + '"', '', ' ' + cells[place] + ' ', cells[0]))
    lines[number] = mark.join(cells)
    return '\n'.join(lines).encode(errors='surrogatepass')


_STRUCTURED = {'.json': _json, '.jsonl': _lines, '.csv': _cells, '.tsv': _cells, '.yml': _yaml, '.yaml': _yaml}


def _report(number: int, valid: bytes, changed: bytes) -> str:
    start = len(os.path.commonprefix([valid, changed]))
    return f'change {number}, from byte {start} on: {valid[start : start + 80]!r} -> {changed[start : start + 80]!r}\n'
