"""The runner of models that are split over GPUs."""

import copy
from typing import Any

from mmengine.runner import FlexibleRunner
from torch import nn

from slan_mm.engine.console import ShortConsole
from slan_mm.engine.resume.exact_resume import ExactResume
from slan_mm.registry import RUNNERS


@RUNNERS.register_module()
class ShardedRunner(ShortConsole, ExactResume, FlexibleRunner):
    """MMEngine's ``FlexibleRunner`` that resumes exactly, see :class:`ExactResume`.

    Its config names a strategy::

        runner_type = 'slan_mm.ShardedRunner'
        strategy = dict(type='slan_mm.ShardedStrategy', model_wrapper=dict(...))
    """

    def __init__(self, *args: Any, resume: str | bool = False, **kwargs: Any) -> None:
        # FlexibleRunner refuses a name beside load_from, from where a run starts that has no checkpoint yet.
        super().__init__(*args, resume=bool(resume), **kwargs)
        self._resume = resume

    def build_strategy(self, strategy: Any = None, **kwargs: Any) -> Any:
        """Builds the strategy; the config that names it stays as it is."""
        return super().build_strategy(copy.deepcopy(strategy), **kwargs)

    def hand_in_shards(self, *args: Any, **kwargs: Any) -> None:
        """Gathers the shards, as the first rank does."""
        super(ExactResume, self).save_checkpoint(*args, **kwargs)

    def resume(self, filename: str, *args: Any, **kwargs: Any) -> None:
        """As its bases; the checkpoint, whole, is read into main memory, where there is room for it."""
        kwargs.setdefault('map_location', 'cpu')
        super().resume(filename, *args, **kwargs)

    def load_checkpoint(self, filename: str, *args: Any, **kwargs: Any) -> None:
        """Loads weights; those of a test must fit."""
        if self.must_fit:
            kwargs['strict'] = True
        super().load_checkpoint(filename, *args, **kwargs)

    def evaluation_model(self) -> nn.Module:
        """A model that holds all weights."""
        return self.strategy.whole_model() if hasattr(self.strategy, 'whole_model') else self.model
