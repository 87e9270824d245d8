"""pytest plugin: runs the bash and python blocks of README.md, CONTRIBUTING.md and docs/. See tools/check_docs.sh.

Sybil finds the blocks; nbmake runs the notebook. A block that cannot run here is marked in the page's source with the
reason, and counted:

    <!-- skip: next "needs eight GPUs" -->
    <!-- skip: next if(lacks('flickr8k'), reason="needs Flickr8k") -->

A preparation that the reader does not see is a block in a comment, ``<!-- invisible-code-block: bash``. Bash blocks of
a page share their variables, python blocks their names.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from sybil import Example, Sybil
from sybil.evaluators.python import PythonEvaluator
from sybil.parsers.markdown import CodeBlockParser, SkipParser

#: The clone in which the commands run.
ROOT = Path.cwd()
#: Seconds that one block may take.
LIMIT = 1200
#: Lines of a failed block's output that are shown, and characters of each.
SHOWN, WIDTH = 30, 200


def run_bash(example: Example) -> None:
    """Runs a bash block; what it sets, later bash blocks of the page see.

    Raises:
        pytest.fail.Exception: A command fails; with the last lines of the output.
    """
    state = Path(os.environ['HOME']) / '.blocks' / str(example.path).replace('/', '_')
    state.parent.mkdir(exist_ok=True)
    before = f'[ ! -f {state} ] || source {state}\nset -a -euo pipefail\ntrap "export -p > {state}" EXIT'
    done = subprocess.run(
        ['bash', '-c', f'{before}\n{example.parsed}'],
        # The plugin's own packages are not for the commands.
        env={key: value for key, value in os.environ.items() if key != 'PYTHONPATH'},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors='replace',
        timeout=LIMIT,
    )
    if done.returncode:
        last = '\n'.join(line[:WIDTH] for line in done.stdout.splitlines()[-SHOWN:])
        free = shutil.disk_usage(ROOT).free / 2**30
        # Without a traceback of this file: the lines are what a reader of the report needs.
        pytest.fail(
            f'exit code {done.returncode}, {free:.1f} GiB of disk free, of\n{example.parsed}\n--- last lines:\n{last}',
            pytrace=False,
        )


def lacks(*datasets: str) -> bool:
    """For marks: whether one of the ``datasets`` is not in ``data/``."""
    return not all((ROOT / 'data' / name).is_dir() for name in datasets)


pytest_collect_file = Sybil(
    [CodeBlockParser('bash', run_bash), CodeBlockParser('python', PythonEvaluator()), SkipParser()],
    path=str(ROOT),
    patterns=['README.md', 'CONTRIBUTING.md', 'docs/*.md', 'docs/*/*.md'],
    setup=lambda namespace: namespace.update(lacks=lacks),
).pytest()


def commands_of(item: pytest.Item) -> list[str]:
    """What a reader would run of a block: bash lines, with continuations and here-documents in one; python as a whole.

    Nothing of what the reader does not see: preparations and marks.
    """
    example = getattr(item, 'example', None)
    if example is None:
        return [f'{item.path.name} ... (a notebook)']
    if not re.match(r'\s*`', example.document.text[example.start :]):
        return []
    source = re.sub(r"<<'(\w+)'\n.*?\n\1$", r"<<'\1' ...", str(example.parsed), flags=re.DOTALL | re.MULTILINE)
    lines = re.sub(r'\\\n\s*', '', source).splitlines()
    code = [line for line in lines if line.strip() and not line.lstrip().startswith('#')]
    bash = example.region.evaluator is run_bash
    return code if bash else [f'{code[0]} ... (python, {len(code)} lines)']


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Notes on each item what it runs, for the list at the end.

    Pages that add packages to the environment come last: they would hide what earlier ones lack.
    """
    items.sort(key=lambda item: 'setup_env.sh --extra' in item.path.read_text(encoding='utf-8'))
    for item in items:
        item.user_properties.append(('commands', commands_of(item)))


def changes() -> str:
    """What the commands have left in the checkout that git sees."""
    return subprocess.run(['git', 'status', '--porcelain'], capture_output=True, text=True, check=True).stdout


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Commands that change the checkout are a failure."""
    if changes():
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The list: what ran, with its seconds; what was marked, with the reason; what failed."""
    totals = []
    for outcome, verb in (('passed', 'run as written'), ('skipped', 'marked'), ('failed', 'FAILED')):
        reports = terminalreporter.stats.get(outcome, [])
        if reports:
            terminalreporter.section(verb)
        count = 0
        for report in reports:
            commands = dict(report.user_properties)['commands']
            count += len(commands)
            if commands:
                tail = report.longrepr[2] if outcome == 'skipped' else f'{report.duration:.0f} s'
                terminalreporter.line(f'{report.nodeid.split("::")[0]}: {tail.removeprefix("Skipped: ")}')
            for command in commands:
                terminalreporter.line(f'    {command}')
        totals.append(f'{count} commands {verb}')
    if changes():
        terminalreporter.section('the commands changed the checkout: outputs belong below work_dirs/')
        terminalreporter.write(changes())
    terminalreporter.section(', '.join(totals))
