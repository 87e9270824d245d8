import gc

import pytest

from slan_mm.quick_imports import collector_off


def test_the_collector_is_on_again_after_an_import_that_fails():
    seen = []

    def fail():
        with collector_off():
            seen.append(gc.isenabled())
            raise ImportError

    pytest.raises(ImportError, fail)
    assert (seen, gc.isenabled()) == ([False], True)


def test_a_collector_that_was_off_stays_off():
    gc.disable()
    try:
        with collector_off(), collector_off():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()
