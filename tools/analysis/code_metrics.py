"""Counts what a reader of the code meets: the walk of a training step, imports, options, branches, configs, pages.

    python tools/analysis/code_metrics.py                                   this tree
    git worktree add /tmp/before 0707c0b
    python tools/analysis/code_metrics.py --root /tmp/before --root .       two trees side by side

``--show`` lists what was counted. What each row means:

- lines: all lines of ``slan_mm/**/*.py``.
- imports upward, in circles: see ``FLOORS`` in ``inspecting/imports.py``; imports upward count in functions as well.
- options: constructor parameters of the classes that configs build, see ``inspecting/options.py``.
- branches: ``if``, ``elif`` and conditional expressions; the core is ``CORE`` of ``inspecting/files.py``: base model,
  SLAN, locator, objectives.
- repeated blocks: six lines of code that stand at more than one place of ``configs/``.
- depth: files that a config is made of by inheritance, in one line of descent, itself included.
- walk: the files whose functions one training step enters, from the data preprocessor to the sum of the losses; their
  stages, and returns to an earlier stage. ``inspecting/walk.py`` has the rules, and names the files of vocabulary.
- repeated visits: the strictest count. Whenever another file leads to a new function of any file that was entered
  before, in the same stage or not, vocabulary or not.
- words: of README.md, CONTRIBUTING.md and ``docs/``, without code blocks.
"""

import argparse
import statistics
from collections.abc import Mapping
from pathlib import Path

from inspecting import files, imports, options, walk

from slan_mm.cli.errors import one_line_errors

CONFIG = 'configs/pretrain/slan_tiny_shapes.py'


def parse_options(arguments: list[str] | None = None) -> argparse.Namespace:
    """The command line's options."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--root', type=Path, action='append', help='a tree of this project (default: this one)')
    parser.add_argument('--config', default=CONFIG, help='whose training step is walked')
    parser.add_argument('--show', action='store_true', help='list what was counted')
    return parser.parse_args(arguments)


def count(root: Path, config: str = CONFIG) -> tuple[dict[str, int], dict[str, list[str]]]:
    """The counts of a tree by row of the table, and what stands behind some of them.

    Raises:
        FileNotFoundError: ``root`` has no ``slan_mm``.
        RuntimeError: The training step has failed.
    """
    root = root.resolve()
    package = root / 'slan_mm'
    if not package.is_dir():
        raise FileNotFoundError(f'{root} is no tree of this project: it has no folder slan_mm')
    modules, configs = sorted(package.rglob('*.py')), sorted((root / 'configs').rglob('*.py'))
    parsed = imports.read_modules(root)
    upward, circles = imports.upward_imports(parsed), imports.import_circles(parsed)
    found = options.count_options(root)
    step = walk.walk_of(root, config)
    words = files.pages(root)
    counts = {
        'modules': len(modules),
        'lines': sum(files.lines(modules)),
        'lines of the longest module': max(files.lines(modules)),
        'imports upward': len(upward),
        'modules in import circles': sum(map(len, circles)),
        'configurable classes': len(found['classes']),
        'options': len(found['all']),
        'options that no config sets': len(found['set by no config']),
        'options that ablations alone set': len(found['set by ablations alone']),
        'branches of the core': files.branches(files.core_files(package)),
        'branches of models/': files.branches(sorted((package / 'models').rglob('*.py'))),
        'config files': len(configs),
        'config lines': sum(files.lines(configs)),
        'repeated blocks of six config lines': files.repeated_blocks(configs),
        'greatest depth of a config': max(map(files.config_depth, configs)),
        'walk of a step: files': len(walk.files_of(step.calls)),
        'walk of a step: files of vocabulary': len(walk.vocabulary_of(step.calls)),
        'walk of a step: stages': len(walk.stages(step)),
        'walk of a step: returns to an earlier stage': walk.returns(step),
        'walk of a step: visits': len(walk.visits(step.calls)),
        'walk of a step: repeated visits': walk.repeated(step.calls),
        'pages': len(words),
        'words': sum(words.values()),
        'words of the longest page': max(words.values()),
        'words of a page, median': int(statistics.median(words.values())),
    }
    details = {
        'imports upward': upward,
        'import circles': [', '.join(circle) for circle in circles],
        'options that no config sets': found['set by no config'],
        'options that ablations alone set': found['set by ablations alone'],
        'walk of a step': [f'{visit.file}: {", ".join(visit.functions)}' for visit in walk.visits(step.calls)],
        'stages of a step': [', '.join(stage.files) for stage in walk.stages(step)],
        'words a page': [f'{number:6} {name}' for name, number in words.items()],
    }
    return counts, details


def table(columns: Mapping[str, Mapping[str, int]]) -> str:
    """A Markdown table of counts by tree and row."""
    rows = [[name, *(f'{column[name]:,}' for column in columns.values())] for name in next(iter(columns.values()))]
    lines = [['', *columns], ['---', *('--:' for _ in columns)], *rows]
    return '\n'.join(f'| {" | ".join(line)} |' for line in lines)


@one_line_errors
def main(arguments: list[str] | None = None) -> None:
    """Prints the table, and with ``--show`` what was counted."""
    settings = parse_options(arguments)
    roots = settings.root or [Path(__file__).parents[2]]
    found = {str(root): count(root, settings.config) for root in roots}
    print(table({name: counts for name, (counts, _) in found.items()}))
    for name, (_, details) in found.items():
        for title, entries in details.items() if settings.show else ():
            print(f'\n{name}: {title}\n  ' + '\n  '.join(entries or ['none']))


if __name__ == '__main__':
    main()
