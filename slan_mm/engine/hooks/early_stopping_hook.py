"""Ends a training that no longer gets better."""

from typing import Any

from mmengine.hooks import EarlyStoppingHook

from slan_mm.registry import HOOKS


@HOOKS.register_module()
class ResumableEarlyStoppingHook(EarlyStoppingHook):
    """MMEngine's hook, which also counts on where a checkpoint left it.

    The best checkpoint is kept by ``save_best`` of the checkpoint hook, of the same metric. Arguments are those of
    ``mmengine.hooks.EarlyStoppingHook``: ``monitor``, ``rule``, ``min_delta``, ``patience`` in validations, ...
    """

    def before_save_checkpoint(self, runner: Any, checkpoint: dict) -> None:
        checkpoint['early_stopping'] = {'best_score': float(self.best_score), 'wait_count': self.wait_count}

    def after_load_checkpoint(self, runner: Any, checkpoint: dict) -> None:
        # Also `load_from` calls this; another run's count is not this one's, see before_train.
        state = checkpoint.get('early_stopping')
        if state is not None:
            self.best_score, self.wait_count = state['best_score'], state['wait_count']

    def before_train(self, runner: Any) -> None:
        if runner.iter == 0:
            self.best_score, self.wait_count = float('-inf') if self.rule == 'greater' else float('inf'), 0
