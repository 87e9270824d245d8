"""What tests need not wait for, in this process and in those that are forked for it."""

import gc
import os
from types import SimpleNamespace
from weakref import WeakKeyDictionary

import pytest
from mmengine.dataset import base_dataset
from mmengine.model import base_module, weight_init
from torch.optim import Optimizer
from yapf.yapflib import yapf_api


def lighten(patch: pytest.MonkeyPatch) -> None:
    """A runner writes its config five times, and formats it as code each time: longer than most tests train.

    For its log, MMEngine takes the mean of every parameter whenever one of the modules around it is initialised.

    Each parameter is a group of its optimizer, and PyTorch makes a set of those of all earlier groups for each: here
    one set grows.

    Files of tests need not be on the disk when the machine stops.

    MMEngine calls the garbage collector for each data set: among all that earlier tests and imports have made, it took
    longer than reading the small files of tests.
    """
    patch.setattr(yapf_api, 'FormatCode', lambda text, **_: (text, True))
    for module in (base_module, weight_init):
        patch.setattr(module, 'update_init_info', lambda *_, **__: None)
    add, parameters = Optimizer.add_param_group, WeakKeyDictionary()

    def add_param_group(self: Optimizer, group: dict) -> None:
        groups, self.param_groups = self.param_groups, []
        try:
            add(self, group)
        finally:
            new, self.param_groups = self.param_groups, groups
        seen = parameters.setdefault(self, set())
        if not seen.isdisjoint(new[0]['params']):
            raise ValueError('some parameters appear in more than one parameter group')
        seen.update(new[0]['params'])
        groups += new

    patch.setattr(Optimizer, 'add_param_group', add_param_group)
    patch.setattr(os, 'fsync', lambda descriptor: None)
    patch.setattr(base_dataset, 'gc', SimpleNamespace(collect=lambda: 0))
    gc.collect()
    gc.freeze()
