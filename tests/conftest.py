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
    'test_export.py',
    'test_captions.py',
    'test_mmdet_interop.py',
    'test_sharded.py',
    'test_resume.py',
    'test_evaluation_store.py',
    'test_draw_design.py',
    'test_golden_losses.py',
    'test_quickstart.py',
    'test_detection.py',
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    place = {name: number for number, name in enumerate(LONG)}
    items.sort(key=lambda item: place.get(item.path.name, len(LONG)))


@pytest.fixture(autouse=True, scope='session')
def lighter():
    # Here, because the process that hands out the tests of pytest -n 2 would import MMEngine before the others start.
    from support.lighter import lighten

    with pytest.MonkeyPatch.context() as patch:
        lighten(patch)
        yield
