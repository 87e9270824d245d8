"""What every test runs with."""

import pytest
from support.lighter import lighten


@pytest.fixture(autouse=True, scope='session')
def lighter():
    with pytest.MonkeyPatch.context() as patch:
        lighten(patch)
        yield
