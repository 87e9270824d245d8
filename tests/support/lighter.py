"""What tests need not wait for, in this process and in those that are forked for it."""

import gc

import pytest
from yapf.yapflib import yapf_api


def lighten(patch: pytest.MonkeyPatch) -> None:
    """A runner writes its config five times, and formats it as code each time: longer than most tests train.

    MMEngine calls the garbage collector for each data set: it need not look at what the imports have made.
    """
    patch.setattr(yapf_api, 'FormatCode', lambda text, **_: (text, True))
    gc.collect()
    gc.freeze()
