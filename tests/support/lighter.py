"""What tests need not wait for, in this process and in those that are forked for it."""

import gc

import pytest
from mmengine.model import base_module, weight_init
from yapf.yapflib import yapf_api


def lighten(patch: pytest.MonkeyPatch) -> None:
    """A runner writes its config five times, and formats it as code each time: longer than most tests train.

    For its log, MMEngine takes the mean of every parameter whenever one of the modules around it is initialised.

    It calls the garbage collector for each data set: it need not look at what the imports have made.
    """
    patch.setattr(yapf_api, 'FormatCode', lambda text, **_: (text, True))
    for module in (base_module, weight_init):
        patch.setattr(module, 'update_init_info', lambda *_, **__: None)
    gc.collect()
    gc.freeze()
