"""torch.compile of the parts that are tensor code from end to end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper

from slan_mm.registry import HOOKS


@HOOKS.register_module()
class CompileHook(Hook):
    """Compiles modules of the model in place before training; names of weights stay as they are.

    MMEngine's ``compile`` takes all of ``train_step``, with the tokenizer, the reading of counters and the optimiser in
    it; each of these splits the graph. The locator is one graph.

    Args:
        modules: Names of the modules, e.g. 'locator'.
        text_multiple: Texts are padded to a multiple of so many tokens: so there are few lengths.
        options: What ``torch.compile`` is told, e.g. ``backend``. Batches differ in their longest text, so that
            ``dynamic`` is True unless it is given.
    """

    def __init__(self, modules: Sequence[str] = ('locator',), text_multiple: int = 8, **options: Any) -> None:
        self.modules = list(modules)
        self.text_multiple = text_multiple
        self.options = {'dynamic': True, **options}

    def before_train(self, runner: Any) -> None:
        """Compiling itself happens at the first batch.

        Raises:
            AttributeError: The model has no module of that name.
        """
        model = runner.model.module if is_model_wrapper(runner.model) else runner.model
        for name in self.modules:
            model.get_submodule(name).compile(**self.options)
        if hasattr(model, 'text_branch'):
            model.text_branch.encoder.length_multiple = self.text_multiple
        runner.logger.info(f'compiles {", ".join(self.modules)} at the first batches, which take minutes')
