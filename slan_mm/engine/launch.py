"""What the options of ``tools/train.py`` and ``tools/test.py`` do to a config."""

import argparse
import gc
import os
from copy import deepcopy
from pathlib import Path

from mmengine.config import Config, ConfigDict
from mmengine.device import get_device
from mmengine.dist import barrier, is_distributed
from mmengine.runner import Runner
from torch.distributed import destroy_process_group

from slan_mm.config import drop_worker_options, read_config
from slan_mm.engine.checkpoint_io import existing_checkpoint
from slan_mm.engine.smoke import make_smoke_run
from slan_mm.environment import smoke_asked_for
from slan_mm.feature_store.filling import fill_stores
from slan_mm.malloc import keep_freed_memory
from slan_mm.registry import RUNNERS


def config_from_options(options: argparse.Namespace) -> Config:
    """Reads ``options.config`` and applies the common options. The work directory: option, else config, else name."""
    os.environ.setdefault('LOCAL_RANK', str(options.local_rank))
    cfg = read_config(options.config, options.cfg_options)
    cfg.launcher = options.launcher
    if options.work_dir is not None:
        cfg.work_dir = str(options.work_dir)
    elif cfg.get('work_dir') is None:
        cfg.work_dir = str(Path('work_dirs') / Path(options.config).stem)
    return cfg


def enable_amp(cfg: Config) -> None:
    """Turns mixed precision on: float16 with a dynamic loss scale on a GPU, bfloat16 on a CPU.

    An optimizer wrapper that is already a mixed-precision one is left alone.
    """
    if cfg.optim_wrapper.get('type', 'OptimWrapper') not in ('OptimWrapper', 'mmengine.OptimWrapper'):
        return
    if get_device() == 'cpu':
        cfg.optim_wrapper.type = 'BFloat16OptimWrapper'
    else:
        cfg.optim_wrapper.type = 'AmpOptimWrapper'
        cfg.optim_wrapper.loss_scale = 'dynamic'


def enable_compile(cfg: Config) -> None:
    """Has the locator compiled (``CompileHook``), unless the config's own hooks say what is to be."""
    hooks = cfg.get('custom_hooks') or []
    if not any(hook['type'] in ('CompileHook', 'slan_mm.CompileHook') for hook in hooks):
        cfg.custom_hooks = [*hooks, dict(type='slan_mm.CompileHook')]


def enable_auto_scale_lr(cfg: Config) -> None:
    """Turns on scaling of the learning rate with the real batch size.

    Raises:
        ValueError: if the config does not say for which batch size its learning rate is meant.
    """
    if 'base_batch_size' not in (cfg.get('auto_scale_lr') or {}):
        raise ValueError(
            f'--auto-scale-lr: {cfg.filename} does not say for which batch size its learning rate is meant; '
            'add auto_scale_lr = dict(enable=False, base_batch_size=<samples of all GPUs together>)'
        )
    cfg.auto_scale_lr.enable = True


def set_resume(cfg: Config, resume: str | None) -> None:
    """``--resume``: None leaves the config as it is, 'auto' takes the newest checkpoint, else a checkpoint's path."""
    if resume == 'auto':
        # load_from stays: it is where the run starts when it has not written a checkpoint yet.
        cfg.resume = 'auto'
    elif resume is not None:
        if not Path(resume).is_file():
            raise FileNotFoundError(f'--resume: no checkpoint {resume}')
        cfg.resume = True
        cfg.load_from = resume


def set_show_dir(cfg: Config, show_dir: str) -> None:
    """``--show-dir``: has the config's visualization hook draw into ``show_dir``, with a page of samples there.

    Raises:
        ValueError: if the config has no ``default_hooks.visualization``.
    """
    hook = (cfg.get('default_hooks') or {}).get('visualization')
    if hook is None:
        raise ValueError(
            f'--show-dir: {cfg.filename} has no visualization hook; add one as default_hooks.visualization'
        )
    hook['draw'] = True
    # mmdet's hook would put a relative folder below the work directory.
    of_mmdet = hook['type'].endswith('DetVisualizationHook')
    hook['test_out_dir' if of_mmdet else 'show_dir'] = str(Path(show_dir).resolve()) if of_mmdet else show_dir
    cfg.default_hooks['sample_page'] = {'type': 'slan_mm.SamplePageHook', 'show_dir': show_dir}


def set_tta(cfg: Config) -> None:
    """``--tta``: has each image tested in several views, whose answers the config's ``tta_model`` merges.

    The views are those of its ``tta_pipeline``; without one, the image of the test pipeline as it is and mirrored. A
    config that tests grounding needs none: its default, :class:`GroundingTTAModel`, makes its own views, and grounding
    alone is tested.

    Raises:
        ValueError: if the config has no ``tta_model`` and does not test grounding.
    """
    if 'grounding' in (cfg.get('test_dataloader') or {}):
        for part in (cfg.test_dataloader, cfg.test_evaluator):
            for name in set(part) - {'grounding'}:
                del part[name]
        if 'tta_pipeline' in cfg:
            cfg.test_dataloader.grounding.dataset.pipeline = cfg.tta_pipeline
        cfg.model = ConfigDict(**cfg.get('tta_model', dict(type='GroundingTTAModel')), module=cfg.model)
        return
    if 'tta_model' not in cfg:
        raise ValueError(
            f'--tta: {cfg.filename} has no tta_model. The configs of detection have one (docs/tasks/detection.md), '
            'those that test grounding need none; test other tasks without --tta'
        )
    dataset = cfg.test_dataloader.dataset
    while 'dataset' in dataset:
        dataset = dataset.dataset
    dataset.pipeline = cfg.get('tta_pipeline') or _mirrored_too(dataset.pipeline)
    cfg.model = ConfigDict(**cfg.tta_model, module=cfg.model)


def _mirrored_too(pipeline: list) -> list:
    """A test pipeline of mmdet whose images come as they are and mirrored."""
    *steps, pack = deepcopy(pipeline)
    pack.meta_keys = [*pack.meta_keys, 'flip', 'flip_direction']
    flips = [dict(type='mmdet.RandomFlip', prob=prob) for prob in (0.0, 1.0)]
    return [*steps, dict(type='TestTimeAug', transforms=[flips, [pack]])]


def build_runner(cfg: Config) -> Runner:
    """The runner that the config names in ``runner_type``; MMEngine's when it names none. See ``SLAN_SMOKE``.

    With ``fill_feature_stores`` in the config its feature stores are filled first, see :func:`fill_stores`.
    """
    weights = cfg.get('load_from')
    if weights and not cfg.get('resume') and '://' not in weights:
        existing_checkpoint(weights)  # a missing one is told before data and model are built
    if smoke_asked_for():
        make_smoke_run(cfg)
    drop_worker_options(cfg._cfg_dict)
    if get_device() == 'cpu':
        keep_freed_memory()
    if cfg.get('fill_feature_stores') and cfg.launcher == 'none':
        # Several processes find a store that tools/cache_features.py has filled, or are told to.
        fill_stores(cfg, get_device())
    return RUNNERS.build(cfg) if 'runner_type' in cfg else Runner.from_cfg(cfg)


def leave_processes() -> None:
    """Waits until all processes of the run have come here, and parts from them; nothing when there is one.

    A process that ends while a thread of its group still runs may be aborted. A group ends its threads when nothing
    holds it any longer, so the runner must not be held by the caller.
    """
    if is_distributed():
        # The model's wrapper holds the group, and a runner, its hooks and its loops hold each other.
        gc.collect()
        barrier()
        destroy_process_group()
