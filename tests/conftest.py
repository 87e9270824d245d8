"""What every test runs with."""

import os

import pytest
import support.garbage  # noqa: F401

# Several tests run at once, and toys are too small to be worth a second thread. PyTorch reads it when it is imported.
os.environ.setdefault('OMP_NUM_THREADS', '1')

#: Files that take longest come first, so that no process is left with one at the end (pytest -n 2).
LONG = (
    'test_configs.py',
    'test_run_ablations.py',
    'compiling',
    'test_captions.py',
    'test_mmdet_interop.py',
    'test_golden_losses.py',
    'test_quickstart.py',
    'test_detection.py',
)

#: Files that compile or export: the first of a process to do so waits for what PyTorch prepares.
COMPILING = ('test_export.py', 'test_compile.py', 'test_hooks.py', 'test_benchmark_gpu.py')


def group(item: pytest.Item) -> str:
    """What runs in one of the processes of ``pytest -n 2``: a file's tests, as what they share is made once.

    Tests that start processes of their own, by support/processes.py, are one group: what they are forked from takes
    seconds to start.
    """
    forks = any(getattr(thing, '__module__', '') == 'support.processes' for thing in vars(item.module).values())
    if forks:
        return 'processes'
    return 'compiling' if item.path.name in COMPILING else item.path.name


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    place = {name: number for number, name in enumerate(('processes', *LONG))}
    groups = {item: group(item) for item in items}
    items.sort(key=lambda item: place.get(groups[item], len(place)))
    for item, name in groups.items():
        item.add_marker(pytest.mark.xdist_group(name))


def pytest_collection_finish(session: pytest.Session) -> None:
    if any(group(item) == 'processes' for item in session.items):
        from support.processes import start_fork_server

        start_fork_server()


@pytest.fixture(autouse=True, scope='session')
def lighter():
    # Here, because the process that hands out the tests of pytest -n 2 would import MMEngine before the others start.
    from support.lighter import lighten

    with pytest.MonkeyPatch.context() as patch:
        lighten(patch)
        yield
