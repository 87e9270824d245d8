"""What every test runs with."""

import pytest
from yapf.yapflib import yapf_api


@pytest.fixture(autouse=True, scope='session')
def unformatted_configs():
    """A runner writes its config five times, and formats it as code each time: longer than most tests train."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(yapf_api, 'FormatCode', lambda text, **_: (text, True))
        yield
