import copy
import json

import pytest
import torch
from mmengine.dataset import DefaultSampler
from mmengine.evaluator import Evaluator
from mmengine.hooks import Hook
from mmengine.runner import Runner
from support.retrieval_fakes import FakeDataset, FakeModel, fake_loader, fake_samples
from torch.utils.data import DataLoader

from slan_mm.engine.task_loop import TaskLoop
from slan_mm.evaluation import RetrievalEvaluator

EVALUATORS = {
    'retrieval': {'type': 'RetrievalEvaluator', 'k': 4},
    'grounding': {'type': 'mmengine.Evaluator', 'metrics': [{'type': 'GroundingMetric'}]},
}


class CallsHook(Hook):
    """Writes down which hooks ran, and the metrics they saw."""

    def __init__(self, calls):
        self.calls = calls

    def before_val(self, runner):
        self.calls.append('before_val')

    def after_val(self, runner):
        self.calls.append('after_val')

    def after_val_epoch(self, runner, metrics=None):
        self.calls.append(('after_val_epoch', dict(metrics)))

    def after_val_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        self.calls.append(('after_val_iter', batch_idx, len(outputs)))

    def before_test(self, runner):
        self.calls.append('before_test')

    def after_test_epoch(self, runner, metrics=None):
        self.calls.append(('after_test_epoch', dict(metrics)))

    def after_test_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        self.calls.append(('after_test_iter', batch_idx, len(outputs)))
        assert runner.test_loop.task == 'grounding', 'a hook is told whose batch it sees'


class TrainableModel(FakeModel):
    def forward(self, inputs, data_samples=None, mode='tensor'):
        if mode == 'loss':
            return {'loss': (self.images**2).mean()}
        return super().forward(inputs, data_samples, mode)


def loader_config(images=6, batch_size=4):
    return {
        'batch_size': batch_size,
        'dataset': FakeDataset(fake_samples(images)),
        'sampler': {'type': 'DefaultSampler', 'shuffle': False},
        'collate_fn': {'type': 'pseudo_collate'},
    }


def build_runner(work_dir, calls=None, **kwargs):
    config = {
        'model': TrainableModel(),
        'work_dir': str(work_dir),
        'default_scope': 'slan_mm',
        'experiment_name': f'loop{work_dir.name}',
        'custom_hooks': [CallsHook(calls)] if calls is not None else None,
        'val_cfg': {'type': 'TaskLoop'},
        'val_dataloader': {'retrieval': loader_config(), 'grounding': loader_config()},
        'val_evaluator': copy.deepcopy(EVALUATORS),
        'test_cfg': {'type': 'TaskLoop'},
        'test_dataloader': {'retrieval': loader_config(9), 'grounding': loader_config(9)},
        'test_evaluator': copy.deepcopy(EVALUATORS),
    }
    return Runner(**{**config, **kwargs})


def test_val_merges_metrics_and_calls_hooks(tmp_path):
    calls = []
    metrics = build_runner(tmp_path, calls).val()
    # 6 images in batches of 4: two batches for the task that goes through the hooks.
    assert calls == [
        'before_val',
        ('after_val_iter', 0, 4),
        ('after_val_iter', 1, 2),
        ('after_val_epoch', metrics),
        'after_val',
    ]
    wanted = RetrievalEvaluator(k=4).run(FakeModel(), fake_loader(fake_samples(6)))
    assert {key: metrics[key] for key in wanted} == pytest.approx(wanted)
    # The model answers with the whole image, which is the gold box of the fake data.
    assert metrics['grounding/R1'] == metrics['grounding/pointing_level0'] == 100
    assert metrics['regions/mean_side'] == pytest.approx(0.75)


def test_test_uses_its_own_data_and_hooks(tmp_path):
    calls = []
    metrics = build_runner(tmp_path, calls).test()
    assert calls[0] == 'before_test' and calls[-1] == ('after_test_epoch', metrics)
    assert [call[1:] for call in calls[1:-1]] == [(0, 4), (1, 4), (2, 1)]
    assert metrics['grounding/num_phrases'] == 9
    (log,) = tmp_path.glob('*/*.json')
    assert json.loads(log.read_text())['retrieval/i2t_R1'] == pytest.approx(metrics['retrieval/i2t_R1'])


def test_training_saves_the_best_checkpoint_by_a_task_metric(tmp_path):
    runner = build_runner(
        tmp_path,
        train_cfg={'type': 'IterBasedTrainLoop', 'max_iters': 2, 'val_interval': 1},
        train_dataloader={**loader_config(), 'sampler': {'type': 'InfiniteSampler'}},
        optim_wrapper={'optimizer': {'type': 'SGD', 'lr': 0.01}},
        default_hooks={
            'checkpoint': {
                'type': 'CheckpointHook',
                'by_epoch': False,
                'save_best': 'retrieval/i2t_R1',
                'rule': 'greater',
            },
            'logger': {'type': 'LoggerHook', 'log_metric_by_epoch': False},
        },
        log_processor={'by_epoch': False},
    )
    runner.train()
    assert len(list(tmp_path.glob('best_retrieval_i2t_R1_iter_*.pth'))) == 1
    assert runner.message_hub.get_scalar('val/retrieval/i2t_R1').data[1].size == 2


def test_a_retrieval_task_alone(tmp_path):
    runner = build_runner(
        tmp_path,
        val_dataloader={'only': loader_config()},
        val_evaluator={'only': {'type': 'RetrievalEvaluator', 'fast': True}},
    )
    assert set(runner.val()) == set(RetrievalEvaluator(fast=True).run(FakeModel(), fake_loader(fake_samples(6))))
    assert len(runner.val_dataloader) == 0 and isinstance(runner.val_dataloader['only'], DataLoader)


def test_built_evaluators_and_plain_metrics(tmp_path):
    runner = build_runner(
        tmp_path,
        val_dataloader={'a': fake_loader(fake_samples(3)), 'b': fake_loader(fake_samples(3))},
        val_evaluator={'a': RetrievalEvaluator(), 'b': {'type': 'GroundingMetric'}},
    )
    assert runner.val()['grounding/R1'] == 100
    assert isinstance(runner.val_evaluator['b'], Evaluator)
    assert runner.val_evaluator['b'].dataset_meta['dataset_name'] == 'Fakes'


def test_two_tasks_with_one_metric_name(tmp_path):
    loaders = {'a': fake_loader(fake_samples(3)), 'b': fake_loader(fake_samples(3))}
    same = {'a': RetrievalEvaluator(fast=True), 'b': RetrievalEvaluator(fast=True)}
    with pytest.raises(ValueError, match="'b'.*retrieval_itc/i2t_R1.*prefix"):
        build_runner(tmp_path, val_dataloader=loaders, val_evaluator=same).val()
    other = {**same, 'b': RetrievalEvaluator(fast=True, prefix='flickr')}
    assert 'flickr_itc/i2t_R1' in build_runner(tmp_path / 'b', val_dataloader=loaders, val_evaluator=other).val()


@pytest.mark.parametrize(
    ('dataloader', 'evaluator', 'message'),
    [
        ({'a': {}}, {'b': {}}, r"\['a'\].*\['b'\]"),
        ({}, {}, 'at least one'),
        ({'batch_size': 1, 'dataset': {}}, {'a': {}}, 'single dataloader'),
        ({'a': {}}, {'type': 'RetrievalEvaluator'}, 'single evaluator'),
        ({'a': {}}, [{'type': 'GroundingMetric'}], 'single evaluator'),
    ],
)
def test_wrong_shapes_are_told(dataloader, evaluator, message):
    with pytest.raises(ValueError, match=message):
        TaskLoop(None, dataloader, evaluator)


def test_no_gradient_is_kept(tmp_path):
    seen = []
    model = TrainableModel()
    encode = model.encode_image
    model.encode_image = lambda inputs: seen.append(torch.is_grad_enabled()) or encode(inputs)
    build_runner(tmp_path, model=model).val()
    assert seen and not any(seen)


def test_loaders_use_the_configured_sampler(tmp_path):
    runner = build_runner(tmp_path)
    runner.val()
    assert isinstance(runner.val_dataloader['grounding'].sampler, DefaultSampler)
    assert len(runner.val_dataloader) == 2


def test_batchwise_tasks_run_first_and_metrics_keep_the_order_of_the_config(tmp_path, monkeypatch):
    lines = []
    monkeypatch.setattr('slan_mm.engine.task_loop.print_log', lambda line, logger: lines.append(line))
    metrics = build_runner(tmp_path).val()
    assert [line.split()[1].rstrip(':') for line in lines] == ['grounding', 'grounding', 'retrieval', 'retrieval']
    assert next(iter(metrics)).startswith('retrieval/')


def test_evaluators_learn_the_title_of_their_data(tmp_path):
    runner = build_runner(tmp_path)
    runner.val()
    assert runner.val_evaluator['grounding'].dataset_meta['title'] == 'Fakes val'
