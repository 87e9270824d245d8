"""With several ranks, logs the losses of all of them."""

from typing import Any

from mmengine.dist import all_reduce_dict
from mmengine.hooks import Hook
from torch import Tensor

from slan_mm.registry import HOOKS


@HOOKS.register_module()
class RankMeanHook(Hook):
    """Replaces each loss and diagnostic by its mean over the ranks, before it is logged.

    MMEngine logs what rank 0 saw, which is not the loss of the global batch. One small message an iteration; nothing
    with one rank.
    """

    # After NonFiniteLossHook (0), which names the rank with the bad batch; before RuntimeInfoHook (10), which logs.
    priority = 5

    def after_train_iter(
        self,
        runner: Any,
        batch_idx: int,
        data_batch: dict | tuple | list | None = None,
        outputs: dict | None = None,
    ) -> None:
        if runner.world_size == 1 or not outputs:
            return
        # One type and one order on all ranks, as the message packs the values side by side.
        means = {name: outputs[name].detach().float() for name in sorted(outputs) if isinstance(outputs[name], Tensor)}
        all_reduce_dict(means, op='mean')
        outputs.update(means)
