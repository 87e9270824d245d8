"""Two processes train SLAN under FSDP as one does without; checkpoints are those of an unsharded run."""

from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from support.engine import ROOT, histories, toy_config
from support.processes import run_ranks
from support.shrink import shapes
from support.toy import build_toy_slan
from support.toy import toy_config as toy_model

from slan_mm.engine import ShardedStrategy, load_from_file
from slan_mm.engine.launch import build_runner

ITERATIONS, MIDDLE = 4, 2
STRATEGY = Config.fromfile(ROOT / 'configs/_base_/sharded.py').strategy
#: What decides whether a parameter decays must be read off the whole model: names and axes.
DECAY = {'flat_decay_mult': 0.0, 'custom_keys': {'locator.filter': {'decay_mult': 0.5, 'lr_mult': 2.0}}}


def model_config():
    return toy_model(objective__itc={'queue_size': 8, 'distill': 0.4}, objective__momentum=0.8)


def pictures(split, task):
    return {**shapes(split, task), 'image_size': 32}


def config(work_dir, batch_size, validates=True, **changes):
    cfg = toy_config(work_dir, ITERATIONS, batch_size, **{'runner_type': 'slan_mm.ShardedRunner', **changes})
    data = {'num_workers': 0, 'batch_size': 2, 'collate_fn': {'type': 'pseudo_collate'}}
    # Five pictures: one rank has two batches of them, the other has one.
    sampler = {'type': 'DefaultSampler', 'shuffle': False, 'round_up': False}
    tasks = {
        task: {**data, 'sampler': sampler, 'dataset': {**pictures('val', task), 'num_images': 5, 'test_mode': True}}
        for task in ('retrieval', 'grounding')
    }
    cfg.merge_from_dict(
        {
            'custom_imports.imports': ['slan_mm.engine', 'slan_mm.models', 'slan_mm.datasets', 'slan_mm.evaluation'],
            'train_dataloader.dataset': pictures('train', 'pair'),
            'train_dataloader.collate_fn': {'type': 'pseudo_collate'},
            'train_cfg.val_interval': ITERATIONS,
            'optim_wrapper.optimizer.weight_decay': 0.1,
            'optim_wrapper.paramwise_cfg': DECAY,
            'optim_wrapper.accumulative_counts': 2,
            'log_level': 'ERROR',
        }
    )
    cfg.model, cfg.strategy, cfg.val_dataloader = model_config(), STRATEGY, tasks
    cfg.val_cfg = {'type': 'TaskLoop'}
    cfg.val_evaluator = {'retrieval': {'type': 'RetrievalEvaluator', 'k': 2}, 'grounding': {'type': 'GroundingMetric'}}
    if not validates:
        cfg.val_cfg = cfg.val_dataloader = cfg.val_evaluator = None
    return cfg


def metrics(runner):
    scalars = runner.message_hub.log_scalars
    return {name: float(scalars[name].current()) for name in scalars if name.startswith('val/') and 'time' not in name}


def run(cfg):
    runner = build_runner(cfg)
    runner.train()
    groups = [(len(g['params']), g['lr'], g['weight_decay']) for g in runner.optim_wrapper.param_groups]
    own = sum(parameter.numel() for parameter in runner.model.parameters())
    return {'logs': histories(runner), 'metrics': metrics(runner), 'groups': groups, 'own parameters': own}


def epochs_with_a_small_last_batch(work_dir):
    """Iterations of an epoch of seven pictures, by MMEngine's own loop and sampler: batches of 3 and 1 a rank."""
    cfg = config(work_dir, 3, validates=False, launcher='pytorch', runner_type='slan_mm.ResumableRunner')
    cfg.train_dataloader.dataset.num_images = 7
    cfg.train_dataloader.sampler = {'type': 'DefaultSampler', 'shuffle': True}
    cfg.train_cfg = {'type': 'EpochBasedTrainLoop', 'max_epochs': 1}
    runner = build_runner(cfg)
    runner.train()
    return runner.iter


def on_a_rank(rank, work_dir):
    work_dir, several = Path(work_dir), {'launcher': 'pytorch'}
    straight = run(config(work_dir / 'straight', 2, **several))
    resume = {'resume': True, 'load_from': str(work_dir / 'straight' / f'iter_{MIDDLE}.pth')}
    return {
        'straight': straight,
        'resumed': run(config(work_dir / 'resumed', 2, validates=False, **several, **resume)),
        'iterations of epochs': epochs_with_a_small_last_batch(work_dir / 'epochs'),
    }


@pytest.fixture(scope='module')
def sharded(tmp_path_factory):
    folder = tmp_path_factory.mktemp('sharded')
    return folder, run_ranks(on_a_rank, 2, folder, str(folder))


@pytest.fixture(scope='module')
def alone(tmp_path_factory):
    return run(config(tmp_path_factory.mktemp('alone'), 4))


def assert_same_logs(logs, expected):
    names = [name for name in expected if 'loss' in name or name.endswith(('grad_norm', '/lr', 'accuracy'))]
    assert 'train/loss_itc' in names and 'train/grad_norm' in names
    for name in names:
        assert logs[name] == pytest.approx(expected[name], rel=1e-4, abs=1e-5), name


def test_losses_are_those_of_one_process(sharded, alone):
    _, (first, _) = sharded
    assert_same_logs(first['straight']['logs'], alone['logs'])


def test_each_rank_holds_a_share_of_the_parameters(sharded):
    _, ranks = sharded
    model = build_toy_slan(config=model_config())
    names = dict(model.named_parameters())
    everywhere = sum(p.numel() for name, p in names.items() if p.dim() == 0 or name.endswith('word_embeddings.weight'))
    total = sum(parameter.numel() for parameter in names.values())
    shares = [result['straight']['own parameters'] - everywhere for result in ranks]
    assert sum(shares) == total - everywhere
    assert max(shares) < 0.7 * (total - everywhere)


def test_settings_of_parameters_are_those_of_the_whole_model(sharded, alone):
    _, ranks = sharded
    assert {decay for _, _, decay in alone['groups']} == {0.0, 0.05, 0.1}
    assert all(result['straight']['groups'] == alone['groups'] for result in ranks)


def test_a_small_last_batch_stops_nobody(sharded):
    _, ranks = sharded
    assert [result['iterations of epochs'] for result in ranks] == [2, 2]


def test_checkpoints_in_shards_are_refused():
    with pytest.raises(ValueError, match='leave state_dict_cfg out'):
        ShardedStrategy(state_dict_cfg='local')


def test_a_resumed_run_ends_as_the_straight_one(sharded):
    _, (first, _) = sharded
    assert first['resumed']['logs'] == first['straight']['logs']
    folder = sharded[0]
    ends = [load_from_file(str(folder / name / f'iter_{ITERATIONS}.pth')) for name in ('straight', 'resumed')]
    for name, value in ends[0]['state_dict'].items():
        assert torch.equal(ends[1]['state_dict'][name], value), name


def test_ranks_evaluate_the_whole_model_on_unequal_shares(sharded, alone):
    _, ranks = sharded
    assert {'val/retrieval/i2t_R1', 'val/grounding/R1'} <= set(alone['metrics'])
    for result in ranks:
        assert result['straight']['metrics'] == pytest.approx(alone['metrics'], rel=1e-3)


def test_one_process_loads_and_resumes_the_checkpoint(sharded, alone, tmp_path):
    folder, _ = sharded
    whole = build_toy_slan(config=model_config())
    checkpoint = load_from_file(str(folder / 'straight' / f'iter_{ITERATIONS}.pth'))
    whole.load_state_dict(checkpoint['state_dict'])
    resume = {'resume': True, 'load_from': str(folder / 'straight' / f'iter_{MIDDLE}.pth')}
    assert_same_logs(run(config(tmp_path, 4, validates=False, **resume))['logs'], alone['logs'])
