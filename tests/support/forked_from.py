"""What the process that others are forked from imports last, see processes.py."""

import pytest
from support.lighter import lighten

lighten(pytest.MonkeyPatch())
