"""What MMEngine's two runners lack for a resume that is exact and safe."""

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from mmengine.dist import all_gather_object, broadcast_object_list, is_main_process
from torch import nn

from slan_mm.atomic_files import replaced_atomically
from slan_mm.engine.checkpoint_io import resumable_checkpoints
from slan_mm.engine.hooks.checkpoint_hook import SafeCheckpointHook
from slan_mm.engine.hooks.exact_state_hook import ExactStateHook
from slan_mm.engine.resume.random_state import random_state, set_random_state
from slan_mm.engine.resume.settings import RunSettings
from slan_mm.folder_lock import FolderInUseError, FolderLock
from slan_mm.weights_file import is_complete, known_to_be_whole

#: What a checkpoint must have for a run to go on from it, with the names in it.
_NEEDED = {
    'meta': ('epoch', 'iter'),
    'message_hub': ('log_scalars', 'runtime_info', 'resumed_keys'),
    'optimizer': (),
}


def _has(part: Any, names: Sequence[str]) -> bool:
    if not isinstance(part, dict) or not part or any(name not in part for name in names):
        return False
    return all(type(part[name]) is int and part[name] >= 0 for name in ('epoch', 'iter') if name in names)


class ExactResume:
    """Goes before ``Runner`` or ``FlexibleRunner`` in the bases of a runner, and changes the following.

    - ``resume='auto'`` takes up the newest complete checkpoint of the work directory; a truncated one is passed over
      with a warning. Without any, the run starts anew, from ``load_from`` when that is given.
    - Settings of the optimizer and the schedules are the config's, also where a resumed run has changed them.
    - A resumed run ends as the uninterrupted one would have, to the bit: the random states of all ranks and the
      position in the data are in the checkpoint (:class:`ExactStateHook`, :class:`ResumableIterLoop`).
    - ``test`` refuses weights that do not fit the model, as does a resume.
    - Checkpoints are written under another name and renamed when they are on the disk.
    - One process at a time trains in a work directory. Tests may run beside it.

    Attributes:
        must_fit: whether weights that do not fit the model are an error now: while a run is resumed, and in a test.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.gathered_random_states: list[dict[str, Any]] = []
        self._pending_random_state: dict[str, Any] | None = None
        self._data_state: dict[str, int] | None = None
        self._found_schedules: list[dict[str, Any]] | None = None
        self._resuming: str | None = None
        self.must_fit = False
        super().__init__(*args, **kwargs)
        self.register_hook(ExactStateHook())

    def save_checkpoint(self, out_dir: str, filename: str, *args: Any, **kwargs: Any) -> None:
        """Saves a checkpoint atomically. All ranks call it: their random states, and their shards, are gathered."""
        self.gathered_random_states = all_gather_object(random_state())
        if not is_main_process():
            self.hand_in_shards(out_dir, filename, *args, **kwargs)
            return
        with replaced_atomically(Path(out_dir) / filename) as temporary:
            super().save_checkpoint(out_dir, temporary.name, *args, **kwargs)

    def hand_in_shards(self, *args: Any, **kwargs: Any) -> None:
        """What a rank that writes no file does while the first one writes: nothing where all hold the whole model."""

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
            with known_to_be_whole(newest[0]):
                self.resume(newest[0])
            self._has_loaded = True
            return
        self.logger.info(f'no checkpoint to resume from in {self.work_dir}: starting anew')
        self._resume = False
        super().load_or_resume()

    def train(self) -> nn.Module:
        """Trains, while no other process does in the same folders.

        Raises:
            FolderInUseError: on all ranks, if another process is training there.
        """
        with ExitStack() as held:
            refusal: list[FolderInUseError | None] = [None]
            if is_main_process():
                try:
                    for folder in sorted({Path(self.work_dir).resolve(), self._checkpoint_folder().resolve()}):
                        held.enter_context(FolderLock(folder))
                except FolderInUseError as error:
                    refusal[0] = error
            broadcast_object_list(refusal)
            if refusal[0] is not None:
                raise FolderInUseError(str(refusal[0]))
            return super().train()

    def _checkpoint_folder(self) -> Path:
        hook = next((hook for hook in self.hooks if isinstance(hook, SafeCheckpointHook)), None)
        return Path(self.work_dir) if hook is None else hook.folder(self.work_dir)

    def _newest_checkpoint(self) -> str | None:
        for path in resumable_checkpoints(self.work_dir, self._checkpoint_folder()):
            if is_complete(path):
                return str(path)
            self.logger.warning(f'{path} is truncated or damaged: passing over it to an older checkpoint')
        return None

    def resume(self, filename: str, *args: Any, **kwargs: Any) -> None:
        """Takes up a run from ``filename``: weights, optimizer, schedulers, logs, random state, place in the data.

        Raises:
            ValueError: the file has no such state of a training, or that of other groups of parameters.
        """
        settings = RunSettings(self)
        self._resuming, self.must_fit = filename, True
        try:
            super().resume(filename, *args, **kwargs)
        except ValueError as error:
            if 'parameter group' not in str(error):
                raise
            raise ValueError(
                f'{filename} is of an optimizer with other groups of parameters than the config makes ({error}). '
                'Resume with the settings that it was trained with'
            ) from error
        finally:
            self._resuming, self.must_fit = None, False
        settings.apply(self, self._found_schedules, self.iter)
        if self._data_state is not None and hasattr(self.train_loop, 'load_state_dict'):
            self.train_loop.load_state_dict(self._data_state)

    def test(self) -> dict:
        """MMEngine's; weights that do not fit the model are an error: a half random model has no score."""
        self.must_fit = True
        try:
            return super().test()
        finally:
            self.must_fit = False

    def take_exact_state(self, checkpoint: dict) -> None:
        """Keeps, of a checkpoint that the run is resumed from, what :meth:`restore_random_state` puts back.

        Raises:
            ValueError: the checkpoint lacks what a run needs to go on.
        """
        if self._resuming is None:
            return
        needed = {**_NEEDED, **({'exact_state': ('random', 'data')} if 'exact_state' in checkpoint else {})}
        lacking = [part for part, names in needed.items() if not _has(checkpoint.get(part), names)]
        if lacking:
            raise ValueError(
                f'{self._resuming} has weights, but not the state of a training ({", ".join(lacking)}): it cannot be '
                'resumed. To begin a new training from its weights, set load_from'
            )
        self._found_schedules = checkpoint.get('param_schedulers')
        exact = checkpoint.get('exact_state')
        if exact is None:
            self.logger.warning(
                'the checkpoint holds no random state: the resumed run will not repeat the original one'
            )
            return
        states = exact['random']
        if len(states) == self.world_size:
            self._pending_random_state = states[self.rank]
        else:
            self.logger.warning(
                f'the checkpoint was written by {len(states)} ranks and is resumed by {self.world_size}: '
                'the data go on where they stopped, but random numbers differ'
            )
        self._data_state = exact['data']

    def restore_random_state(self) -> None:
        """Puts the random state of the checkpoint back, once; does nothing in a run that has not been resumed."""
        if self._pending_random_state is not None:
            set_random_state(self._pending_random_state)
            self._pending_random_state = None

    def evaluation_model(self) -> nn.Module:
        """The model that validation and tests run, whose forward pass must not wait for other ranks."""
        return self.model
