"""What docs/paper_to_code.md names is there; summaries have the figures of the tables below them."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / 'docs' / 'paper_to_code.md').read_text()


def test_every_test_is_there():
    named, path = 0, None
    for file, name in re.findall(r'`([\w./-]*)::(\w+)`', TEXT):
        path = file or path  # `::name` is of the file named before it
        assert f'def {name}(' in (ROOT / 'tests' / path).read_text(), f'{path}::{name}'
        named += 1
    assert named > 50


@pytest.mark.parametrize('path', sorted(set(re.findall(r'`((?:\w+/)*[\w.-]+\.py)[`:]', TEXT))))
def test_every_file_is_there(path):
    assert any((ROOT / base / path).is_file() for base in ('', 'slan_mm', 'tests'))


def test_every_symbol_is_in_its_file():
    found = re.findall(r'`((?:\w+/)*\w+\.py)` ((?:`[\w.]+`(?:, )?)+)', TEXT)
    assert len(found) > 30
    for path, symbols in found:
        code = (ROOT / 'slan_mm' / path).read_text()
        for symbol in re.findall(r'`([\w.]+)`', symbols):
            for part in symbol.split('.'):
                assert re.search(rf'(class|def) {part}\b', code), f'{symbol} is not in {path}'


def test_every_note_is_there():
    assert set(re.findall(r'\(#(\d+)\)', TEXT)) == set(re.findall(r'<a id="(\d+)">', TEXT))


def summary_and_tables(page):
    """Cells of a page's first table, row by row, and what make_results.py wrote below it."""
    text = (ROOT / 'docs' / page).read_text()
    rows = [row.strip('|').split('|') for row in text.split('\n## ')[0].splitlines() if row.startswith('|')]
    tables = re.findall(r'<!-- results: .*?<!-- /results -->', text, re.DOTALL)
    return [[cell.strip() for cell in row] for row in rows[2:]], tables


def test_the_summary_of_results_has_the_figures_of_one_run():
    rows, tables = summary_and_tables('results.md')
    columns = [
        {cell.strip() for cell in column}
        for table in tables
        for part in table.split('\n\n')
        for column in zip(
            *(line.strip('|').split('|') for line in part.splitlines() if line.startswith('|')), strict=True
        )
    ]
    assert len(rows) > 5
    for name, *figures in rows:
        assert any(column.issuperset(figures) for column in columns), name


def test_the_summary_of_ablations_has_the_figures_of_one_row():
    rows, tables = summary_and_tables('ablations.md')
    cells = [cell for row in rows for cell in row if ' / ' in cell]
    lines = [re.findall(r'[-+]?\d+\.\d+', line) for table in tables for line in table.splitlines()]
    assert len(cells) > 10
    for cell in cells:
        assert any(set(cell.split(' / ')) <= set(line) for line in lines), cell


def test_the_readme_has_the_figures_of_the_tasks():
    text = (ROOT / 'README.md').read_text()
    table = next(part for part in text.split('\n\n') if part.startswith('| on test data'))
    _, overview = summary_and_tables('results_tasks.md')
    lines = [[cell.strip() for cell in line.split('|')] for line in overview[0].splitlines()]
    known = {line[1]: line[2:5] for line in lines if len(line) > 5}
    rows = [[cell.strip() for cell in line.strip('|').split('|')] for line in table.splitlines()[2:]]
    assert len(rows) == 7
    for label, pretrained, nothing, untrained in rows:
        assert [nothing, pretrained, untrained] == known[label]
