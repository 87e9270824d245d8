"""The training loop: counts iterations, and takes up its data where a checkpoint left it."""

import logging
from collections.abc import Iterator
from typing import Any

from mmengine.dataset import InfiniteSampler
from mmengine.dist import get_world_size
from mmengine.logging import print_log
from mmengine.runner import IterBasedTrainLoop
from torch import nn
from torch.utils.data import DataLoader, IterableDataset

from slan_mm.engine.resume.random_state import preserved_random_state
from slan_mm.engine.sampler import ResumableSampler
from slan_mm.registry import LOOPS


class StreamLoader:
    """A data loader over a stream, with a length: the run's, as nobody knows the data's.

    MMEngine asks for the length in many places, even where it then makes no use of it.
    """

    def __init__(self, loader: DataLoader, length: int) -> None:
        self.loader = loader
        self.length = length

    def __iter__(self) -> Iterator[Any]:
        return iter(self.loader)

    def __len__(self) -> int:
        return self.length

    def __getattr__(self, name: str) -> Any:
        return getattr(self.loader, name)


def check_batches(dataloader: DataLoader) -> None:
    """Whether a loader gives batches of different samples; a stream knows its samples only as they come.

    Raises:
        ValueError: It gives none: ``drop_last`` leaves out the only batch, which is not full.
    """
    dataset, batch_size = dataloader.dataset, dataloader.batch_size
    if isinstance(dataset, IterableDataset) or not batch_size or len(dataset) >= batch_size * get_world_size():
        return
    told = (
        f'the data set of training has {len(dataset)} samples, fewer than a batch of {batch_size} on '
        f'{get_world_size()} processes'
    )
    if len(dataloader) == 0 and not isinstance(dataloader.sampler, ResumableSampler | InfiniteSampler):
        raise ValueError(
            f'{told}, and drop_last leaves out batches that are not full: there is none. Lower '
            'train_dataloader.batch_size, or use more data'
        )
    print_log(f'{told}: a batch has samples more than once, or is not full', 'current', logging.WARNING)


@LOOPS.register_module()
class ResumableIterLoop(IterBasedTrainLoop):
    """MMEngine's iteration-based loop, made exact.

    - On resume the sampler is set to the position of the checkpoint; nothing is loaded and thrown away. A data set
      that streams is asked to ``seek(epoch, batches, batch_size)``.
    - Validation leaves no trace in the random state, so a run that resumes past a validation draws the same numbers.
    - A run that was stopped after its last checkpoint but within its last validation repeats that validation.

    Args:
        runner: the runner.
        dataloader: the data loader, or its config. Its sampler should be a :class:`ResumableSampler`.
        max_iters: iterations of the run. Exactly one of ``max_iters`` and ``max_epochs`` is given.
        max_epochs: passes over the data set, turned into iterations: ``ceil(max_epochs * N / (ranks * batch size))``.
            Needs a :class:`ResumableSampler`. Parameter schedulers with ``by_epoch=False`` and no ``end`` follow it.
        val_interval: iterations from one validation to the next; None validates after the last one only.
        validate_start: whether to validate before the first iteration, too: what was there before any training, which
            may stay the best.
        validations: in place of ``val_interval`` where ``max_epochs`` leaves the number of iterations to the data: how
            many there are at most, at even distances, the last one after the last iteration.
    """

    def __init__(
        self,
        runner: Any,
        dataloader: DataLoader | dict,
        max_iters: int | None = None,
        max_epochs: float | None = None,
        val_interval: int | None = None,
        validations: int | None = None,
        validate_start: bool = False,
    ) -> None:
        if (max_iters is None) == (max_epochs is None):
            raise ValueError(
                f'train_cfg needs either max_iters or max_epochs, got max_iters={max_iters}, max_epochs={max_epochs}'
            )
        if val_interval is not None and validations is not None:
            raise ValueError('train_cfg takes val_interval or validations, not both')
        diff_rank_seed = runner._randomness_cfg.get('diff_rank_seed', False)
        dataloader = runner.build_dataloader(dataloader, seed=runner.seed, diff_rank_seed=diff_rank_seed)
        sampler = dataloader.sampler
        check_batches(dataloader)
        self.sampler = sampler if isinstance(sampler, ResumableSampler) and dataloader.batch_size else None
        if self.sampler is not None:
            self.sampler.batch_size = dataloader.batch_size
        if max_epochs is not None:
            if self.sampler is None:
                raise TypeError(
                    'max_epochs needs train_dataloader.sampler to be a ResumableSampler, '
                    f'got {type(sampler).__name__}: give max_iters instead'
                )
            max_iters = int(-(-max_epochs * self.sampler.size // self.global_batch_size(dataloader)))
        self._loader = dataloader
        if isinstance(dataloader.dataset, IterableDataset) and not hasattr(dataloader.dataset, '__len__'):
            dataloader = StreamLoader(dataloader, max_iters)
        super().__init__(
            runner,
            dataloader,
            max_iters=max_iters,
            val_interval=val_interval or -(-max_iters // (validations or 1)),
        )
        self.validate_start = validate_start
        self._resumed_at: tuple[int, int] | None = None

    @staticmethod
    def global_batch_size(dataloader: DataLoader) -> int:
        """Samples that all ranks together take in one iteration."""
        return dataloader.batch_size * get_world_size()

    def state_dict(self, iterations: int) -> dict[str, int]:
        """Where the data stand after ``iterations``: position in the global order, its seed, number of samples."""
        if self.sampler is None:
            return {}
        # A run resumed with another batch size or number of ranks counts on from where the old one stopped.
        iteration, position = self._resumed_at or (0, 0)
        position += (iterations - iteration) * self.global_batch_size(self.dataloader)
        return {'position': position, 'seed': self.sampler.seed, 'size': self.sampler.size}

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Sets the sampler to the position and the seed of :meth:`state_dict`; says so where the data have changed."""
        if self.sampler is None or not state:
            return
        size = state.get('size', self.sampler.size)
        if size != self.sampler.size:
            self.runner.logger.warning(
                f'the data set has {self.sampler.size} samples and had {size} when the checkpoint was written: the '
                'order of samples is another one from here on, and some of this epoch may come twice or not at all'
            )
        self.sampler.seed = state['seed']
        self.sampler.seek(state['position'])
        self._resumed_at = self._iter, state['position']

    def run(self) -> nn.Module:
        """Trains and validates; returns the trained model."""
        self.runner.call_hook('before_train')
        self.runner.call_hook('before_train_epoch')
        if self._iter >= self._max_iters:
            told = f'{self._iter} iterations are done and train_cfg asks for {self._max_iters}: nothing is trained'
            print_log(told, 'current', logging.WARNING)
            self._validate()
        elif self._iter > 0 and self._resumed_at is None:
            self._skip()
        elif self._iter == 0 and self.validate_start:
            self._run_validation()
        try:
            self._run_iterations()
        finally:
            self._stop_workers()
        self.runner.call_hook('after_train_epoch')
        self.runner.call_hook('after_train')
        return self.runner.model

    def _skip(self) -> None:
        """Passes over the data of a resumed run that no :class:`ResumableSampler` orders."""
        dataset = self.dataloader.dataset
        if hasattr(dataset, 'seek'):
            # A stream of our own, e.g. WebPairDataset: see there how exact that is.
            dataset.seek(0, self._iter, self.dataloader.batch_size)
        else:
            self.dataloader_iterator.skip_iter(self._iter)

    def _run_iterations(self) -> None:
        while self._iter < self._max_iters and not self.stop_training:
            self.runner.model.train()
            batch = next(self.dataloader_iterator)
            if hasattr(self.runner, 'restore_random_state'):
                # Only now: making the data loader's iterator draws a number itself.
                self.runner.restore_random_state()
            self.run_iter(batch)
            self._validate()

    def _stop_workers(self) -> None:
        # Left to the garbage collector, the queues to the worker processes can be closed before the message that ends
        # the workers is sent; PyTorch then waits five seconds for each of them.
        self.dataloader_iterator._iterator = None
        self._loader._iterator = None

    def _validate(self) -> None:
        due = self._iter % self.val_interval == 0 or self._iter == self._max_iters
        if due:
            self._run_validation()

    def _run_validation(self) -> None:
        if self.runner.val_loop is not None:
            with preserved_random_state():
                self.runner.val_loop.run()
