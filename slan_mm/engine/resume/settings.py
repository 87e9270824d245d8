"""What a resumed run takes from its config, and not from its checkpoint: the settings of optimizer and schedules.

A checkpoint's optimizer and schedulers hold their settings beside their state, and PyTorch and MMEngine put both back:
a run that is resumed with more iterations or another learning rate would go on with the old ones, without a word.
"""

from __future__ import annotations

import logging
import warnings
from copy import deepcopy
from typing import Any

from mmengine.logging import print_log
from mmengine.optim import OptimWrapper, ReduceOnPlateauParamScheduler

#: What of a scheduler's state dict is its state.
_STATE = ('last_step', '_global_step', '_last_value', '_get_value_called_within_step', 'base_values')
#: Schedulers whose state depends on metrics cannot be repeated.
_BY_METRIC = ReduceOnPlateauParamScheduler


class RunSettings:
    """Settings of a runner's optimizer and schedulers as the config has them; made before a checkpoint is loaded."""

    def __init__(self, runner: Any) -> None:
        self.groups: list[dict[str, Any]] = []
        self.schedules: list[dict[str, Any]] = []
        schedulers = [] if runner.param_schedulers is None else runner.param_schedulers
        # Others (several optimizers, a plateau of a metric) go on as their checkpoint says.
        self.known = isinstance(runner.optim_wrapper, OptimWrapper) and isinstance(schedulers, list)
        if self.known and not any(isinstance(scheduler, _BY_METRIC) for scheduler in schedulers):
            self.groups = [_settings(group) for group in runner.optim_wrapper.param_groups]
            self.schedules = [deepcopy(scheduler.state_dict()) for scheduler in schedulers]
        else:
            self.known = False

    def apply(self, runner: Any, found: list[dict[str, Any]] | None, iterations: int) -> None:
        """Puts the settings back after ``iterations`` of a run were resumed, and logs what the checkpoint had instead.

        With other schedules, or another rate that they start from, every rate is the one that an uninterrupted run of
        the new config would have now.

        Args:
            runner: With the checkpoint's optimizer and schedulers.
            found: The state dicts of the checkpoint's schedulers; None where it has none.
            iterations: Of the checkpoint.

        Raises:
            ValueError: The checkpoint has an optimizer of another kind.
        """
        if not self.known:
            return
        scheduled = {
            name for state in self.schedules for name in (state['param_name'], f'initial_{state["param_name"]}')
        }
        rates = {name for name in scheduled if name.startswith('initial_')}
        changed: dict[str, str] = {}
        for group, own in zip(runner.optim_wrapper.param_groups, self.groups, strict=True):
            theirs = _settings(group)
            if own.keys() - theirs.keys() and theirs.keys() - own.keys() - rates:
                raise ValueError(
                    f'the checkpoint has an optimizer of another kind, with {sorted(theirs.keys() - own.keys())}: '
                    'resume with the optimizer of its run, or start anew from its weights (load_from)'
                )
            for name in own.keys() - scheduled:
                if theirs.get(name) != own[name]:
                    changed[name] = f'{name} {own[name]} (checkpoint: {theirs.get(name)})'
                    group[name] = deepcopy(own[name])
        other_plan = [_plan(state) for state in found or []] != [_plan(state) for state in self.schedules]
        if other_plan or rates & changed.keys():
            changed['schedule'] = f'the schedule, as if it had been so for all {iterations} iterations'
            self._replay(runner, iterations)
        if changed:
            told = ', '.join(changed.values())
            print_log(f'resumed with the settings of the config: {told}', 'current', logging.WARNING)

    def _replay(self, runner: Any, iterations: int) -> None:
        for group, own in zip(runner.optim_wrapper.param_groups, self.groups, strict=True):
            for state in self.schedules:
                group[state['param_name']] = own[state['param_name']]
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')  # that the optimizer makes no steps meanwhile
            for scheduler, state in zip(runner.param_schedulers or [], self.schedules, strict=True):
                scheduler.load_state_dict(deepcopy(state))
            # In turn, as in training: each goes on from what the one before it has made of the rate.
            for by_epoch, steps in ((False, iterations), (True, runner.epoch)):
                schedulers = [each for each in runner.param_schedulers or [] if each.by_epoch == by_epoch]
                for _ in range(steps if schedulers else 0):
                    for scheduler in schedulers:
                        scheduler.step()


def _settings(group: dict[str, Any]) -> dict[str, Any]:
    return {name: deepcopy(value) for name, value in group.items() if name != 'params'}


def _plan(state: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in state.items() if name not in _STATE}
