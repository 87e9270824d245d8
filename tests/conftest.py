"""What every test runs with."""

import gc

import pytest
from yapf.yapflib import yapf_api


@pytest.fixture(autouse=True, scope='session')
def unformatted_configs():
    """A runner writes its config five times, and formats it as code each time: longer than most tests train."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(yapf_api, 'FormatCode', lambda text, **_: (text, True))
        yield


@pytest.fixture(autouse=True, scope='session')
def frozen_imports():
    """MMEngine calls the garbage collector for each data set: it need not look at what the imports have made."""
    gc.collect()
    gc.freeze()
