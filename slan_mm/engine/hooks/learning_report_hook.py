"""Says at the end of a training what it has learned."""

from __future__ import annotations

import shlex
from dataclasses import asdict
from pathlib import Path
from typing import Any

from mmengine.dist import is_main_process
from mmengine.hooks import Hook

from slan_mm.engine.hooks.run_record_hook import config_name, plain
from slan_mm.evaluation.learning_report import Validation, learning_report
from slan_mm.registry import HOOKS


@HOOKS.register_module()
class LearningReportHook(Hook):
    """Logs :func:`learning_report` after training, of validations that choose the weights of the final score.

    The best validation is the one of the highest ``{prefix}/mean_recall``, by which the checkpoint hook's ``save_best``
    keeps a checkpoint. Validations of before an interruption count.

    Args:
        prefix: of the evaluator's metrics; its name in ``val_evaluator``.
    """

    def __init__(self, prefix: str = 'retrieval') -> None:
        self.prefix = prefix
        self.start: Validation | None = None
        self.best: Validation | None = None

    def before_train(self, runner: Any) -> None:
        if runner.iter == 0:
            # `load_from` brings another run's along.
            self.start = self.best = None

    def after_val_epoch(self, runner: Any, metrics: dict[str, float] | None = None) -> None:
        own = {
            name.removeprefix(self.prefix): value
            for name, value in plain(metrics).items()
            if name.startswith(self.prefix)
        }
        if '/mean_recall' not in own:
            return
        gallery = runner.val_loop.evaluator[self.prefix].gallery
        found = Validation(runner.iter, own, len(gallery.image_ids), len(gallery.texts))
        if runner.iter == 0:
            self.start = found
        if self.best is None or found.mean_recall > self.best.mean_recall:
            self.best = found

    def before_save_checkpoint(self, runner: Any, checkpoint: dict) -> None:
        kept = {'start': self.start, 'best': self.best}
        checkpoint['learning'] = {name: value and asdict(value) for name, value in kept.items()}

    def after_load_checkpoint(self, runner: Any, checkpoint: dict) -> None:
        for name, value in checkpoint.get('learning', {}).items():
            setattr(self, name, value and Validation(**value))

    def after_train(self, runner: Any) -> None:
        if self.best is None or not is_main_process():
            return
        config = config_name(runner.cfg.filename) or 'CONFIG'
        folder = Path(runner.work_dir)
        if folder.is_relative_to(Path.cwd()):
            folder = folder.relative_to(Path.cwd())
        words = ['python', 'tools/test.py', config, str(folder), '--out', str(folder / 'test.json')]
        report = learning_report(self.start, self.best, runner.iter, runner.max_iters, shlex.join(words))
        runner.logger.info(report)
