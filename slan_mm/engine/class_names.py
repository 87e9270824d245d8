"""Choosing modules by their class, by name, as a config can."""

from collections.abc import Sequence

from torch import nn
from torch.distributed.fsdp.wrap import lambda_auto_wrap_policy

from slan_mm.registry import FUNCTIONS


@FUNCTIONS.register_module()
def is_any_of(module: nn.Module, names: Sequence[str]) -> bool:
    """Whether the class of ``module`` has one of these names; a ``check_fn`` of activation checkpointing."""
    return type(module).__name__ in names


@FUNCTIONS.register_module()
def wrap_any_of(module: nn.Module, recurse: bool, nonwrapped_numel: int, names: Sequence[str]) -> bool:
    """An ``auto_wrap_policy`` of FSDP: every module whose class has one of ``names`` is a unit of its own."""
    return lambda_auto_wrap_policy(module, recurse, nonwrapped_numel, lambda_fn=lambda each: is_any_of(each, names))
