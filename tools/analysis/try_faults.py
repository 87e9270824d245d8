"""Does faults to what the product keeps on disk, and counts what becomes of it.

    python tools/analysis/try_faults.py --work-dir work_dirs/try_faults

Flips bits in a checkpoint, in weights, in the folder of a model, in indexes of both engines and in a feature store;
kills processes that write them; fills their disk (which takes root); lets two write at once, and reads beside a writer.
All draws come from ``--seed``. Prints a table, with one row for each thing and fault:

- as written: the newest state was read; older: the one before, where a training passes over a damaged checkpoint;
- refused: an error of one line, or a wait for another writer;
- lost: a saved state is gone; wrong: other values were read; raw: any other error.

Exit code: 0 when nothing is lost, wrong or raw, but for safetensors that have no checksum.
"""

import argparse
from pathlib import Path

from slan_mm.arguments import out_folder, whole
from slan_mm.cli.errors import one_line_errors
from slan_mm.cli.options import option, positive

COLUMNS = ('as written', 'older', 'refused', 'lost', 'wrong', 'raw')


def parse_options(arguments: list[str] | None = None) -> argparse.Namespace:
    """The command line's options."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--flips', type=positive, default=100, help='flipped bits of each thing')
    parser.add_argument('--tries', type=positive, default=20, help='kills and full disks of each thing')
    parser.add_argument('--reads', type=positive, default=200, help='readings beside a writer, of each')
    parser.add_argument('--seed', type=option(whole(0)), default=0, help='of all draws')
    parser.add_argument('--only', default='', help='only things and faults with this in their names')
    parser.add_argument(
        '--work-dir',
        type=option(out_folder),
        default=Path('work_dirs/try_faults'),
        help='what an earlier call has left in it is removed first',
    )
    return parser.parse_args(arguments)


if __name__ == '__main__':
    parse_options()  # --help and mistakes are answered before the imports below, which take seconds

from faults import FAULTS, SUBJECTS, Result, Subject

from slan_mm.own_files import start_afresh


def is_tried(subject: Subject, fault: str) -> bool:
    """Whether a fault is done to a thing; what is written once is damaged alone, and the store is written once, too."""
    if fault == 'reader beside a writer' and subject.name == 'feature store':
        return False  # its readers need the finished one
    return fault == 'flipped bits' or subject.changing


def row(subject: Subject, fault: str, result: Result) -> str:
    """A row of the table."""
    shown = {**result, 'refused': result['refused'] + result['refused, then written']}
    tried = sum(result[name] for name in COLUMNS)
    return ' | '.join(['', subject.name, fault, str(tried), *(str(shown.get(name, 0)) for name in COLUMNS), '']).strip()


@one_line_errors
def main(arguments: list[str] | None = None) -> int:
    """Prints the table; returns the exit code."""
    options = parse_options(arguments)
    tries = {'flipped bits': options.flips, 'reader beside a writer': options.reads}
    start_afresh(options.work_dir, ['things'], 'things')
    print('| ' + ' | '.join(['thing', 'fault', 'tries', *COLUMNS]) + ' |\n' + '|---' * (3 + len(COLUMNS)) + '|')
    fallen = 0
    for subject in SUBJECTS.values():
        for fault, inject in FAULTS.items():
            if not is_tried(subject, fault) or options.only not in f'{subject.name}, {fault}':
                continue
            try:
                result = inject(subject, options.work_dir / 'things', tries.get(fault, options.tries), options.seed)
            except PermissionError as error:
                print(f'| {subject.name} | {fault} | not tried: {error} |', flush=True)
                continue
            print(row(subject, fault, result), flush=True)
            fallen += subject.checked and sum(result[name] for name in ('lost', 'wrong', 'raw'))
    return int(fallen > 0)


if __name__ == '__main__':
    raise SystemExit(main())
