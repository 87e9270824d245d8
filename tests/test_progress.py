import io
import re

import pytest
from rich.console import Console

from slan_mm import progress as module
from slan_mm.progress import Progress


@pytest.fixture
def clock(monkeypatch):
    """Lines that were logged, and a clock that stands still until it is set."""
    now, lines = [100.0], []
    monkeypatch.setattr(module.time, 'monotonic', lambda: now[0])
    monkeypatch.setattr(module, 'print_log', lambda line, logger: lines.append(line))
    return now, lines


def test_lines_tell_the_time_left(clock):
    now, lines = clock
    with Progress('Pairs', 100, lines=2) as progress:
        for _ in range(10):
            now[0] += 1
            progress.step(10)
    assert lines == ['Pairs: 50/100, 5.0 s, 5.0 s left', 'Pairs: 100/100, 10.0 s, 0.0 s left']


def test_what_an_earlier_run_did_does_not_count_in_the_speed(clock):
    now, lines = clock
    with Progress('Pairs', 100, done=60, lines=5) as progress:
        now[0] += 2
        progress.step(20)
    assert lines == ['Pairs: 80/100, 2.0 s, 2.0 s left']


def test_long_ways_get_a_line_a_minute(clock):
    now, lines = clock
    with Progress('Pairs', 10_000) as progress:
        for _ in range(6):
            now[0] += 30
            progress.step(1)
    assert [line.split(',')[0] for line in lines] == ['Pairs: 2/10000', 'Pairs: 4/10000', 'Pairs: 6/10000']


def test_a_terminal_gets_a_bar_with_the_time_left():
    console = Console(file=io.StringIO(), force_terminal=True, width=100)
    with Progress('Pairs', 4, console=console) as progress:
        progress.step(2)
    assert re.search(r'Pairs.*2/4.*left', console.file.getvalue())


def test_an_error_ends_the_bar():
    console = Console(file=io.StringIO(), force_terminal=True)
    with pytest.raises(ValueError, match='stop'), Progress('Pairs', 4, console=console):
        raise ValueError('stop')
    # The cursor is back, and the bar's line is cleared.
    assert console.file.getvalue().endswith('\x1b[?25h\r\x1b[1A\x1b[2K')


def test_a_line_that_is_logged_does_not_go_on_behind_the_bar(clock, monkeypatch):
    console = Console(file=io.StringIO(), force_terminal=True, width=100)
    monkeypatch.setattr(module, 'print_log', lambda line, logger: console.file.write(line + '\n'))
    with Progress('Pairs', 4, console=console) as progress:
        progress.step(2)
    # What clears the bar's line, and nothing drawn since.
    assert console.file.getvalue().partition('Pairs: 2/4, ')[0].endswith('\x1b[2K')


def test_no_terminal_no_bar(clock, capfd):
    with Progress('Pairs', 4) as progress:
        progress.step(4)
    assert clock[1] == ['Pairs: 4/4, 0.0 s, 0.0 s left'] and capfd.readouterr() == ('', '')
