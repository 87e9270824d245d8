"""What a model's operations cost, module by module: floating-point operations, seconds and bytes.

A multiply-add is two operations. Products of matrices, convolutions and attention are counted, by PyTorch's own
formulas; elementwise work is not, as everywhere. Names of modules start with the class of the outermost one that was
called, e.g. ``ImageBranch.encoder.backbone``.
"""

from __future__ import annotations

import re
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode, flop_registry
from torch.utils.module_tracker import ModuleTracker

#: Operations that look like products; one that is not counted must not pass unseen.
_PRODUCT = re.compile(
    r'(^|_)(mm|bmm|addmm|baddbmm|mv|addmv|dot|vdot|addr|ger|linear|einsum|lstm|gru)(_|$)|conv|attention'
)
#: They move or prepare data only.
_NO_PRODUCT = {'_conj', 'conj', 'resolve_conj', 'linear_space'}


def _attention_flops(query: tuple, key: tuple, value: tuple, *args: Any, **kwargs: Any) -> int:
    """Of fused attention: shapes (B, heads, N, d), (B, heads, M, d), (B, heads, M, d')."""
    batch, heads, rows, dims = query
    return 2 * batch * heads * rows * key[2] * (dims + value[3])


#: PyTorch has no formula for what fused attention is on a CPU.
FORMULAS = {torch.ops.aten._scaled_dot_product_flash_attention_for_cpu: _attention_flops}


class _Uncounted(TorchDispatchMode):
    """Remembers the products that no formula counts."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        packet = func.overloadpacket
        name = packet.__name__
        if packet not in flop_registry and packet not in FORMULAS and name not in _NO_PRODUCT and _PRODUCT.search(name):
            self.names.add(name)
        return func(*args, **(kwargs or {}))


def count_flops(function: Callable[[], object]) -> dict[str, int]:
    """Operations of every module that ``function`` calls, with those of its children; and 'Global', of all.

    Works on fake tensors as on real ones.

    Raises:
        NotImplementedError: a product was done that no formula counts; the message names it.
    """
    counter = FlopCounterMode(display=False, custom_mapping=dict(FORMULAS))
    # What PyTorch fuses a whole layer to has no formula either.
    fast_path = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with torch.no_grad(), counter, _Uncounted() as uncounted:
            function()
    finally:
        torch.backends.mha.set_fastpath_enabled(fast_path)
    if uncounted.names:
        raise NotImplementedError(
            f'no formula for the operations of {sorted(uncounted.names)}: add it to cost.FORMULAS'
        )
    return {'Global': 0} | {name: sum(counts.values()) for name, counts in counter.get_flop_counts().items()}


def own_flops(counts: Mapping[str, int]) -> dict[str, int]:
    """From :func:`count_flops`: what each module does itself, not by way of its children; 'Global': outside of all."""
    own = dict(counts)
    for name, flops in counts.items():
        if name == 'Global':
            continue
        parents = [other for other in counts if name.startswith(f'{other}.')]
        own[max(parents, key=len, default='Global')] -= flops
    return own


@dataclass
class Cost:
    """Seconds, bytes read and written, and calls of operations."""

    seconds: float = 0.0
    bytes: int = 0
    calls: int = 0


class CostMode(TorchDispatchMode):
    """Context that measures every operation within: ``costs`` by the innermost module that asks for it.

    Bytes are those of the tensors an operation reads and writes; a view moves none. Measuring takes time of its own,
    between the operations, which is not counted.

    Args:
        clock: See :mod:`measuring.timing`.
    """

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        super().__init__()
        self.clock = clock
        self.costs: dict[str, Cost] = defaultdict(Cost)
        self._tracker = ModuleTracker()

    def __enter__(self) -> CostMode:
        self._tracker.__enter__()
        return super().__enter__()

    def __exit__(self, *error: Any) -> None:
        super().__exit__(*error)
        self._tracker.__exit__(*error)

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        start = self.clock()
        result = func(*args, **kwargs)
        seconds = self.clock() - start
        cost = self.costs[max(self._tracker.parents, key=lambda name: (name != 'Global', name.count('.')))]
        cost.seconds += seconds
        cost.calls += 1
        cost.bytes += _moved(func, tree_leaves((args, kwargs)), tree_leaves(result))
        return result


def _moved(func: Any, inputs: list, outputs: list) -> int:
    tensors = [value for value in inputs if isinstance(value, Tensor)]
    results = [value for value in outputs if isinstance(value, Tensor)]
    places = {value.untyped_storage().data_ptr() for value in tensors}
    in_place = func.overloadpacket.__name__.endswith('_')
    if results and not in_place and all(value.untyped_storage().data_ptr() in places for value in results):
        return 0
    return sum(value.nbytes for value in [*tensors, *results])
