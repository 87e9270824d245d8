"""The runner: MMEngine's, with an exact and safe resume, and with CPUs as good as GPUs."""

from pathlib import Path
from typing import Any

import torch.distributed
from mmengine.device import get_device
from mmengine.dist import all_gather_object, broadcast_object_list, is_distributed, is_main_process
from mmengine.model import MMDistributedDataParallel
from mmengine.runner import Runner
from torch import nn

from slan_mm.engine.checkpoint_io import is_complete, replaced_atomically, resumable_checkpoints
from slan_mm.engine.hooks.exact_state_hook import ExactStateHook
from slan_mm.engine.random_state import random_state, set_random_state
from slan_mm.registry import RUNNERS


@RUNNERS.register_module()
class ResumableRunner(Runner):
    """MMEngine's runner with these differences.

    - ``resume='auto'`` takes up the newest complete checkpoint of the work directory; a truncated one is passed over
      with a warning. Without any, the run starts anew, from ``load_from`` when that is given.
    - A resumed run ends as the uninterrupted one would have, to the bit: the random states of all ranks and the
      position in the data are in the checkpoint (:class:`ExactStateHook`, :class:`ResumableIterLoop`).
    - ``test`` refuses weights that do not fit the model.
    - Checkpoints are written under another name and renamed when they are on the disk. Weights that do not fit the
      model are an error on resume, not a line in the log.
    - Several ranks train without a GPU (gloo).
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.gathered_random_states: list[dict[str, Any]] = []
        self._pending_random_state: dict[str, Any] | None = None
        self._data_state: dict[str, int] | None = None
        self._resuming = False
        self._testing = False
        super().__init__(*args, **kwargs)
        self.register_hook(ExactStateHook())

    def setup_env(self, env_cfg: dict) -> None:
        """Sets up processes; without a GPU, ranks talk over gloo whatever ``dist_cfg`` says."""
        if self.distributed and not is_distributed() and get_device() == 'cpu':
            if self.launcher != 'pytorch':
                raise RuntimeError(
                    f'launcher {self.launcher!r} needs GPUs; on CPUs start the ranks with tools/dist_train.sh, '
                    'whose launcher is pytorch'
                )
            torch.distributed.init_process_group(backend='gloo')
        super().setup_env(env_cfg)

    def wrap_model(self, model_wrapper_cfg: dict | None, model: nn.Module) -> nn.Module:
        """Wraps the model for several ranks; on CPUs without the device ids that PyTorch refuses there."""
        if self.distributed and get_device() == 'cpu' and model_wrapper_cfg is None:
            unused = self.cfg.get('find_unused_parameters', False)
            return MMDistributedDataParallel(
                module=model, device_ids=None, broadcast_buffers=False, find_unused_parameters=unused
            )
        return super().wrap_model(model_wrapper_cfg, model)

    def save_checkpoint(self, out_dir: str, filename: str, *args: Any, **kwargs: Any) -> None:
        """Saves a checkpoint atomically. All ranks call it: their random states are gathered here."""
        self.gathered_random_states = all_gather_object(random_state())
        if not is_main_process():
            return
        with replaced_atomically(Path(out_dir) / filename) as temporary:
            super().save_checkpoint(out_dir, temporary.name, *args, **kwargs)

    def load_or_resume(self) -> None:
        """Resumes when ``resume`` is True or 'auto', else loads the weights of ``load_from`` when that is given."""
        if self._has_loaded:
            return
        if self._resume != 'auto' and not (self._resume and self._load_from is None):
            super().load_or_resume()
            return
        newest = [self._newest_checkpoint() if is_main_process() else None]
        broadcast_object_list(newest)
        if newest[0] is not None:
            self.resume(newest[0])
            return
        self.logger.info(f'no checkpoint to resume from in {self.work_dir}: starting anew')
        self._resume = False
        super().load_or_resume()

    def _newest_checkpoint(self) -> str | None:
        for path in resumable_checkpoints(self.work_dir):
            if is_complete(path):
                return str(path)
            self.logger.warning(f'{path} is truncated or damaged: passing over it to an older checkpoint')
        return None

    def resume(self, filename: str, *args: Any, **kwargs: Any) -> None:
        """Takes up a run from ``filename``: weights, optimizer, schedulers, logs, random state, place in the data."""
        self._resuming = True
        try:
            super().resume(filename, *args, **kwargs)
        finally:
            self._resuming = False
        if self._data_state is not None and hasattr(self.train_loop, 'load_state_dict'):
            self.train_loop.load_state_dict(self._data_state)

    def test(self) -> dict:
        """MMEngine's; weights that do not fit the model are an error: a half random model has no score."""
        self._testing = True
        try:
            return super().test()
        finally:
            self._testing = False

    def load_checkpoint(self, filename: str, *args: Any, **kwargs: Any) -> dict:
        """Loads weights, and on resume keeps the exact state that :meth:`restore_random_state` puts back."""
        if self._resuming or self._testing:
            kwargs['strict'] = True
        checkpoint = super().load_checkpoint(filename, *args, **kwargs)
        if self._resuming:
            self._take_exact_state(checkpoint, filename)
        return checkpoint

    def _take_exact_state(self, checkpoint: dict, filename: str) -> None:
        exact = checkpoint.get('exact_state')
        if exact is None:
            self.logger.warning(f'{filename} holds no random state: the resumed run will not repeat the original one')
            return
        states = exact['random']
        if len(states) == self.world_size:
            self._pending_random_state = states[self.rank]
        else:
            self.logger.warning(
                f'{filename} was written by {len(states)} ranks and is resumed by {self.world_size}: '
                'the data go on where they stopped, but random numbers differ'
            )
        self._data_state = exact['data']

    def restore_random_state(self) -> None:
        """Puts the random state of the checkpoint back, once; does nothing in a run that has not been resumed."""
        if self._pending_random_state is not None:
            set_random_state(self._pending_random_state)
            self._pending_random_state = None
