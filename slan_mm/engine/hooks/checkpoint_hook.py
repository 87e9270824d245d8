"""When checkpoints are written, and which are kept."""

from collections import deque
from pathlib import Path
from typing import Any

from mmengine.dist import is_main_process
from mmengine.fileio import LocalBackend
from mmengine.hooks import CheckpointHook
from mmengine.model import is_model_wrapper

from slan_mm.atomic_files import replaced_atomically
from slan_mm.engine.checkpoint_io import BEST, LAST
from slan_mm.models.named_towers import leave_out_towers
from slan_mm.registry import HOOKS


@HOOKS.register_module()
class SafeCheckpointHook(CheckpointHook):
    """MMEngine's checkpoint hook, in an order that leaves a whole checkpoint at every moment.

    An old checkpoint is removed after the new one is complete, not before, and ``last_checkpoint`` is replaced in one
    step. The best one (``save_best`` of one metric) is kept in the same way, and ``best_checkpoint`` names it.

    Args:
        frozen_towers: Whether checkpoints have frozen encoders whose weights the config names. Without them they have
            the name and the hash of each, see :mod:`slan_mm.models.named_towers`.
        args, kwargs: Those of ``mmengine.hooks.CheckpointHook``; ``out_dir``, if given, is a local folder, and
            checkpoints go into its subfolder with the work directory's name.
    """

    def __init__(self, *args: Any, frozen_towers: bool = True, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.frozen_towers = frozen_towers
        self._parent = self.out_dir

    def folder(self, work_dir: str | Path) -> Path:
        """Where the checkpoints of a run go."""
        return Path(work_dir) if self._parent is None else Path(self._parent) / Path(work_dir).name

    def before_train(self, runner: Any) -> None:
        step = getattr(runner.optim_wrapper, '_accumulative_counts', 1)
        if not self.by_epoch and self.interval > 0 and self.interval % step:
            raise ValueError(
                f'default_hooks.checkpoint.interval={self.interval} is no multiple of '
                f'optim_wrapper.accumulative_counts={step}: gradients accumulated so far are not in a checkpoint, so '
                'such a run would not resume exactly'
            )
        work_dir = Path(runner.work_dir)
        self.file_backend = LocalBackend()
        self.out_dir = str(self.folder(work_dir))
        Path(self.out_dir).mkdir(parents=True, exist_ok=True)
        runner.logger.info(f'checkpoints are saved to {self.out_dir}')
        info = runner.message_hub.get_info
        self.keep_ckpt_ids = deque(info('keep_ckpt_ids', []))
        if self.save_best is not None and len(self.key_indicators) == 1:
            self.best_ckpt_path = self._own(info('best_ckpt'))
        elif self.save_best is not None:
            self.best_ckpt_path_dict = {name: self._own(info(f'best_ckpt_{name}')) for name in self.key_indicators}
        if is_main_process() and getattr(self, 'best_ckpt_path', None) is None:
            # Of an earlier run in the same folder.
            (work_dir / BEST).unlink(missing_ok=True)

    def before_save_checkpoint(self, runner: Any, checkpoint: dict) -> None:
        if not self.frozen_towers:
            model = runner.model.module if is_model_wrapper(runner.model) else runner.model
            checkpoint['state_dict'] = leave_out_towers(model, checkpoint['state_dict'])

    def _own(self, best: str | None) -> str | None:
        """The best checkpoint in this run's folder: a copied work directory must not remove the original's."""
        own = None if best is None else Path(self.out_dir, Path(best).name)
        return str(own) if own is not None and own.is_file() else None

    def _save_best_checkpoint(self, runner: Any, metrics: dict[str, float]) -> None:
        if self.save_best is None or len(self.key_indicators) != 1:
            super()._save_best_checkpoint(runner, metrics)
            return
        # With no path to an old one MMEngine removes nothing.
        old, self.best_ckpt_path = self.best_ckpt_path, None
        super()._save_best_checkpoint(runner, metrics)
        if self.best_ckpt_path is None:
            self.best_ckpt_path = old
        elif is_main_process():
            with replaced_atomically(Path(runner.work_dir) / BEST) as temporary:
                temporary.write_text(self.best_ckpt_path)
            if old is not None and old != self.best_ckpt_path:
                Path(old).unlink(missing_ok=True)

    def _save_checkpoint_with_step(self, runner: Any, step: int, meta: dict) -> None:
        outdated: list[int] = []
        if self.max_keep_ckpts > 0:
            if step not in self.keep_ckpt_ids:
                while len(self.keep_ckpt_ids) >= self.max_keep_ckpts:
                    outdated.append(self.keep_ckpt_ids.popleft())
                self.keep_ckpt_ids.append(step)
            runner.message_hub.update_info('keep_ckpt_ids', list(self.keep_ckpt_ids))
        filename = self.filename_tmpl.format(step)
        self.last_ckpt = self.file_backend.join_path(self.out_dir, filename)
        runner.message_hub.update_info('last_ckpt', self.last_ckpt)
        runner.save_checkpoint(
            self.out_dir,
            filename,
            save_optimizer=self.save_optimizer,
            save_param_scheduler=self.save_param_scheduler,
            meta=meta,
            by_epoch=self.by_epoch,
            backend_args=self.backend_args,
            **self.args,
        )
        if not is_main_process():
            return
        with replaced_atomically(Path(runner.work_dir) / LAST) as temporary:
            temporary.write_text(self.last_ckpt)
        for old in outdated:
            Path(self.out_dir, self.filename_tmpl.format(old)).unlink(missing_ok=True)
