"""A model, a data set and a config small enough to be trained through the whole engine in a second."""

import os
import random
import signal
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import numpy as np
import torch
from mmengine.config import Config
from mmengine.evaluator import BaseMetric
from mmengine.hooks import Hook
from mmengine.model import BaseModel
from mmpretrain.structures import DataSample
from torch import Tensor, nn
from torch.utils.data import IterableDataset

from slan_mm.datasets.seeding import item_rng, split_index
from slan_mm.registry import DATASETS, HOOKS, METRICS, MODELS

ROOT = Path(__file__).parents[2]
_RUNS = count()


@DATASETS.register_module(force=True)
class ToyPairs:
    """Items that differ from epoch to epoch; ``data_samples`` as those of the project."""

    takes_epoch = True
    metainfo = {'classes': ('a', 'b')}

    def __init__(self, length: int = 10, poison: int | None = None) -> None:
        self.length = length
        self.poison = poison

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> dict:
        epoch, index = split_index(index, self.length)
        values = torch.from_numpy(item_rng(7, epoch, index).standard_normal(4)).float()
        if index == self.poison:
            values[:] = float('nan')
        sample = DataSample()
        sample.set_metainfo({'sample_id': f's{index}', 'image_id': f'i{index // 2}', 'epoch': epoch})
        return {'inputs': values, 'data_samples': sample}


@DATASETS.register_module(force=True)
class ToyStream(IterableDataset):
    """The items of ToyPairs as an endless stream that can be opened anywhere."""

    def __init__(self) -> None:
        self.start = 0

    def seek(self, epoch: int, batches: int, batch_size: int) -> None:
        self.start = 10 * epoch + batches * batch_size

    def __iter__(self) -> Iterator[dict]:
        return (ToyPairs()[number] for number in count(self.start))


@MODELS.register_module(force=True)
class ToyModel(BaseModel):
    """Uses all that a resume has to bring back: dropout, a queue in a buffer, NumPy's and Python's randomness."""

    def __init__(self, noise: bool = True) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 4)
        self.noise = noise
        self.register_buffer('queue', torch.zeros(4))

    def forward(self, inputs: list[Tensor], data_samples: list[DataSample], mode: str = 'tensor') -> dict | list:
        x = torch.stack(inputs)
        if mode == 'predict':
            return data_samples
        y = self.layer(x)
        if self.noise:
            y = nn.functional.dropout(y, 0.3, self.training) * (1 + 0.1 * np.random.rand() + 0.1 * random.random())  # noqa: NPY002
        loss = (y - 1).square().mean()
        if self.noise:
            loss = loss + (y.mean() - self.queue.mean()).square()
            self.queue = 0.9 * self.queue + 0.1 * y.detach().mean(0)
        return {'loss_toy': loss, 'spread': y.detach().float().std()}


@METRICS.register_module(force=True)
class ToyMetric(BaseMetric):
    """Counts, and draws from the global generator, as a careless metric may."""

    default_prefix = 'toy'

    def process(self, data_batch: dict, data_samples: list) -> None:
        self.results += [torch.rand(()).item() for _ in data_samples]

    def compute_metrics(self, results: list) -> dict:
        return {'count': float(len(results))}


@HOOKS.register_module(force=True)
class KillHook(Hook):
    """Kills its own process with SIGKILL at ``iteration``: in it, or while its checkpoint is half written."""

    priority = 'HIGHEST'

    def __init__(self, iteration: int, writing: bool = False) -> None:
        self.iteration = iteration
        self.writing = writing

    def after_train_iter(self, runner: object, **kwargs: object) -> None:
        if runner.iter + 1 == self.iteration and not self.writing:
            os.kill(os.getpid(), signal.SIGKILL)

    def before_save_checkpoint(self, runner: object, checkpoint: dict) -> None:
        if runner.iter + 1 == self.iteration and self.writing:
            Path(runner.work_dir, f'.iter_{self.iteration}.pth.writing').write_bytes(b'PK half a file')
            os.kill(os.getpid(), signal.SIGKILL)


@HOOKS.register_module(force=True)
class StopHook(Hook):
    """Ends the run after ``iteration``, as an interruption would, but without an end to the process."""

    def __init__(self, iteration: int) -> None:
        self.iteration = iteration

    def after_train_iter(self, runner: object, **kwargs: object) -> None:
        runner.train_loop.stop_training = runner.iter + 1 == self.iteration


def toy_config(work_dir: Path, max_iters: int = 12, batch_size: int = 4, **changes: object) -> Config:
    """A config whose run takes a second. ``changes`` are dotted keys with underscores doubled for dots."""
    loader = {'batch_size': batch_size, 'num_workers': 0, 'dataset': {'type': 'ToyPairs'}}
    cfg = Config(
        {
            'default_scope': 'slan_mm',
            'custom_imports': {'imports': ['slan_mm.engine', 'support.engine'], 'allow_failed_imports': False},
            'runner_type': 'ResumableRunner',
            'work_dir': str(work_dir),
            # Runners of one process and one second would share their logs otherwise.
            'experiment_name': f'toy{next(_RUNS)}',
            'model': {'type': 'ToyModel'},
            'train_dataloader': {**loader, 'sampler': {'type': 'ResumableSampler'}},
            'train_cfg': {'type': 'ResumableIterLoop', 'max_iters': max_iters, 'val_interval': 4},
            'val_dataloader': {**loader, 'sampler': {'type': 'DefaultSampler', 'shuffle': False}},
            'val_cfg': {'type': 'ValLoop'},
            'val_evaluator': {'type': 'ToyMetric'},
            'optim_wrapper': {
                'type': 'OptimWrapper',
                'optimizer': {'type': 'AdamW', 'lr': 0.01},
                'clip_grad': {'max_norm': 1.0},
            },
            'param_scheduler': [
                {'type': 'LinearLR', 'start_factor': 0.1, 'by_epoch': False, 'end': 3},
                {'type': 'MultiStepLR', 'milestones': [6, 9], 'by_epoch': False},
            ],
            'default_hooks': {
                'logger': {'type': 'IterLoggerHook', 'interval': 1},
                'checkpoint': {'type': 'SafeCheckpointHook', 'by_epoch': False, 'interval': 2, 'max_keep_ckpts': 2},
                'non_finite': {'type': 'NonFiniteLossHook'},
                'throughput': {'type': 'ThroughputHook'},
                'rank_mean': {'type': 'RankMeanHook'},
            },
            'log_processor': {'by_epoch': False},
            'env_cfg': {'mp_cfg': {'mp_start_method': 'fork'}},
            'randomness': {'seed': 3},
            'log_level': 'WARNING',
        }
    )
    cfg.merge_from_dict({key.replace('__', '.'): value for key, value in changes.items()})
    return cfg


def histories(runner_or_checkpoint: object) -> dict[str, list[float]]:
    """Every value logged in training, in full precision and in order, except those that measure time."""
    if isinstance(runner_or_checkpoint, dict):
        packed = runner_or_checkpoint['message_hub']['log_scalars']
        logs = {key: buffer['values'].tolist() for key, buffer in packed.items()}
    else:
        logs = {key: buffer.data[0].tolist() for key, buffer in runner_or_checkpoint.message_hub.log_scalars.items()}
    timed = ('time', 'data_time', 'samples_per_second')
    return {key: values for key, values in logs.items() if key.startswith('train/') and not key.endswith(timed)}
