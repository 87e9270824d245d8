"""The Dockerfile names files that are there, and that its context holds. No engine is needed: it is read, not built."""

import re
import shlex
from fnmatch import fnmatch
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
IGNORED = [line.removeprefix('**/') for line in (ROOT / '.dockerignore').read_text().splitlines()]


def steps():
    """(instruction, its words) of each line, continuations joined."""
    text = re.sub(r'^\s*#.*\n', '', (ROOT / 'Dockerfile').read_text(), flags=re.MULTILINE).replace('\\\n', ' ')
    return [(line.split()[0], shlex.split(line)[1:]) for line in text.splitlines() if line.strip()]


def named(instruction):
    return [words for name, words in steps() if name == instruction]


@pytest.mark.parametrize('words', named('COPY'), ids=' '.join)
def test_what_is_copied_is_there(words):
    for source in words[:-1]:
        assert (ROOT / source).exists(), source
        assert not any(fnmatch(source, pattern) for pattern in IGNORED), source


def test_what_runs_is_copied_before():
    copied, run = set(), 0
    for name, words in steps():
        if name == 'COPY':
            copied |= set(words[:-1])
        if name != 'RUN':
            continue
        for word in words:
            if re.match(r'(tools|requirements|slan_mm)/', word):
                run += 1
                assert (ROOT / word).is_file(), word
                assert copied & {word, word.split('/')[0], '.'}, f'{word} runs before it is copied'
    assert run == 2


def test_the_installation_finds_all_that_it_reads():
    """``tools/setup_env.sh`` runs before the whole of the repository is copied."""
    first = [words[:-1] for words in named('COPY')][:-1]
    copied = {source for words in first for source in words}
    script = (ROOT / 'tools' / 'setup_env.sh').read_text()
    read = set(re.findall(r'(?<![\w/])(?:requirements|slan_mm)/[\w.]+\.(?:txt|py)', script)) | {
        'pyproject.toml',
        'setup.py',
        'README.md',
    }
    assert len(read) > 5
    for path in read:
        assert (ROOT / path).is_file() and {path, path.split('/')[0]} & copied, path


def test_a_gpu_is_a_build_argument():
    (argument, *_), (base,) = named('ARG'), named('FROM')
    assert argument[0].startswith('BASE=') and base == ['${BASE}']
    assert 'CUDA' not in argument[0].upper()
