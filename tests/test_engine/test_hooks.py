"""What stops a run, and what it logs."""

import json
import math

import pytest
import torch
from mmpretrain.structures import DataSample
from support.engine import histories, toy_config
from support.toy import build_toy_slan, toy_batch, toy_losses
from support.toy import toy_config as toy_slan_config
from torch import nn

from slan_mm.engine import CompileHook, NonFiniteLossHook, PredictionFileHook
from slan_mm.engine.launch import build_runner


class FakeRunner:
    """What NonFiniteLossHook asks of a runner."""

    iter, rank, world_size = 41, 0, 1

    def __init__(self, norm, with_scaler):
        self.message_hub = self.logger = self
        self.log_scalars = {'train/grad_norm': self}
        self.norm = norm
        self.model = nn.Linear(2, 2)
        self.optim_wrapper = type('Wrapper', (), {'loss_scaler': 1} if with_scaler else {})()

    def get_scalar(self, name):
        return self

    def current(self):
        return self.norm

    def error(self, message):
        pass

    info = error


def test_a_bad_sample_stops_the_run_and_is_named(tmp_path):
    runner = build_runner(toy_config(tmp_path, 12, train_dataloader__dataset__poison=3))
    with pytest.raises(FloatingPointError, match=r'loss_toy = nan.*s3 \(image i1\)') as caught:
        runner.train()
    at = int(str(caught.value).split('iteration ')[1].split(',')[0])
    log = next((tmp_path / runner.timestamp).glob('*.log')).read_text()
    assert 's3 (image i1)' in log
    saved = [int(path.stem.split('_')[1]) for path in tmp_path.glob('iter_*.pth')]
    assert all(iteration < at for iteration in saved)


def test_a_non_finite_gradient_stops_the_run_too():
    hook = NonFiniteLossHook()
    hook.after_train_iter(FakeRunner(1.0, False), 0, {}, {'loss': torch.tensor(1.0)})
    with pytest.raises(FloatingPointError, match=r'iteration 42, rank 0: grad_norm = inf'):
        hook.after_train_iter(FakeRunner(math.inf, False), 0, {}, {'loss': torch.tensor(1.0)})


@pytest.mark.parametrize('clip_grad', [None, dict(type='value', clip_value=1.0), dict(max_norm=1.0)])
def test_a_broken_gradient_stops_the_run_before_a_checkpoint_has_it(tmp_path, clip_grad):
    cfg = toy_config(tmp_path, 12)
    cfg.optim_wrapper.clip_grad = clip_grad
    runner = build_runner(cfg)
    calls = iter(range(1, 13))
    # Iteration 4 is one with a checkpoint, and its loss is a number.
    runner.model.layer.weight.register_hook(lambda gradient: gradient * (math.nan if next(calls) == 4 else 1))
    with pytest.raises(FloatingPointError, match=r'iteration 4, rank 0: (weight layer\.weight|grad_norm) = nan.* s\d'):
        runner.train()
    assert [path.name for path in tmp_path.glob('iter_*.pth')] == ['iter_2.pth']


def test_a_loss_scale_may_overflow_now_and_then_but_not_for_ever(monkeypatch):
    monkeypatch.setattr('slan_mm.engine.hooks.non_finite_hook.MAX_OVERFLOWS', 2)
    hook = NonFiniteLossHook()
    for norm in (math.inf, math.inf, 1.0, math.inf, math.inf):
        hook.after_train_iter(FakeRunner(norm, True), 0, {}, {})
    with pytest.raises(FloatingPointError, match='grad_norm'):
        hook.after_train_iter(FakeRunner(math.inf, True), 0, {}, {})


def test_diagnostics_may_be_nan():
    NonFiniteLossHook().after_train_iter(FakeRunner(1.0, False), 0, {}, {'iou': torch.tensor(math.nan)})


def test_losses_diagnostics_throughput_and_time_left_are_logged(tmp_path):
    runner = build_runner(toy_config(tmp_path, 2, log_level='INFO'))
    runner.train()
    log = next((tmp_path / runner.timestamp).glob('*.log')).read_text()
    line = next(line for line in log.splitlines() if 'Iter(train)' in line and '2/2' in line)
    assert all(name in line for name in ('loss_toy:', 'spread:', 'grad_norm:', 'samples_per_second:', 'eta:', 'lr:'))
    scalars = (tmp_path / runner.timestamp / 'vis_data' / 'scalars.json').read_text().splitlines()
    assert {'loss', 'loss_toy', 'spread', 'grad_norm', 'samples_per_second'} <= json.loads(scalars[0]).keys()
    rates = runner.message_hub.get_scalar('train/samples_per_second').data[0]
    seconds = runner.message_hub.get_scalar('train/time').data[0]
    assert rates == pytest.approx(4 / seconds)
    assert len(histories(runner)['train/loss']) == 2


def test_the_last_iteration_is_logged_whatever_the_interval(tmp_path):
    runner = build_runner(toy_config(tmp_path, 5, default_hooks__logger__interval=3))
    runner.train()
    scalars = (tmp_path / runner.timestamp / 'vis_data' / 'scalars.json').read_text().splitlines()
    steps = [json.loads(line)['step'] for line in scalars if 'loss_toy' in line]
    assert steps == [3, 5]


def test_predictions_are_written_as_json_lines(tmp_path):
    sample = DataSample()
    sample.set_metainfo({'sample_id': 's1', 'image_id': 'i1', 'img_path': 'a.jpg', 'ori_shape': (30, 40)})
    sample.set_field('a red cat', 'text')
    sample.set_field([{'spans': [[2, 9]], 'boxes': torch.zeros(0, 4), 'phrase_id': 'p'}], 'phrases')
    worse = {'boxes': torch.zeros(2, 4), 'scores': torch.zeros(2)}
    best = {'boxes': torch.tensor([[1, 2, 3, 4.001], [0, 0, 1, 1]]), 'scores': torch.tensor([0.9, 0.1])}
    sample.set_field([[worse, best]], 'pred_phrases')
    hook, path = PredictionFileHook(str(tmp_path / 'out' / 'p.jsonl'), top=1), tmp_path / 'out' / 'p.jsonl'
    hook.after_test_iter(FakeRunner(1.0, False), 0, {}, [DataSample(), sample])
    # As a loader repeats samples to fill the last batch.
    hook.after_test_iter(FakeRunner(1.0, False), 1, {}, [sample])
    hook.after_test(FakeRunner(1.0, False))
    (line,) = [json.loads(line) for line in path.read_text().splitlines()]
    assert line['sample_id'] == 's1' and line['text'] == 'a red cat' and line['ori_shape'] == [30, 40]
    assert line['phrases'] == [{'phrase_id': 'p', 'spans': [[2, 9]], 'boxes': [[1, 2, 3, 4]], 'scores': [0.9]}]


class Layer(torch.nn.Linear):
    """Dynamo passes PyTorch's own layers by."""

    def forward(self, x):
        return super().forward(x) * 2


def test_modules_are_compiled_in_place():
    graphs = []

    def backend(graph, inputs):
        graphs.append(graph)
        return graph.forward

    runner = FakeRunner(1.0, False)
    runner.model = torch.nn.ModuleDict({'layer': Layer(4, 4), 'other': Layer(4, 4)})
    x, names = torch.randn(2, 4), list(runner.model.state_dict())
    expected = runner.model['layer'](x)
    CompileHook(['layer'], backend=backend).before_train(runner)
    assert torch.equal(runner.model['layer'](x), expected)
    runner.model['other'](x)
    assert len(graphs) == 1
    assert list(runner.model.state_dict()) == names


def test_batches_of_other_texts_compile_nothing_again():
    """One graph of the first batch's sizes, one of sizes that vary."""
    graphs = []

    def backend(graph, inputs):
        graphs.append(graph)
        return graph.forward

    runner, lengths = FakeRunner(1.0, False), set()
    runner.model = build_toy_slan(locator__adaptors=toy_slan_config()['locator']['adaptors'][:1])
    CompileHook(backend=backend, fullgraph=True).before_train(runner)
    words = ['a', 'red', 'circle', 'left', 'of', 'a', 'blue', 'square', 'and', 'a', 'green', 'star', 'below', 'it']
    for step in range(6):
        batch = toy_batch()
        for place, sample in enumerate(batch['data_samples']):
            sample.set_field(' '.join(words[: 2 + step * (1 + place) % 12]), 'text')
        lengths.add(runner.model.tokenize([sample.text for sample in batch['data_samples']]).mask.shape[1])
        toy_losses(runner.model, batch)
        if step == 2:
            warm = len(graphs)
    assert lengths == {8, 16}
    assert len(graphs) == warm <= 2


def test_texts_of_a_compiled_model_have_few_lengths_and_the_same_losses():
    model, plain = build_toy_slan(), build_toy_slan()
    runner = FakeRunner(1.0, False)
    runner.model = model
    CompileHook([]).before_train(runner)
    texts = ['a red circle', 'a blue circle and a red square']
    assert [model.tokenize([text]).mask.shape[1] for text in texts] == [8, 16]
    expected = toy_losses(plain, toy_batch())
    for name, value in toy_losses(model, toy_batch()).items():
        torch.testing.assert_close(value, expected[name])


def test_a_module_to_compile_must_be_there(tmp_path):
    runner = build_runner(toy_config(tmp_path, 2, custom_hooks=[dict(type='CompileHook', modules=['locater'])]))
    with pytest.raises(AttributeError, match='locater'):
        runner.train()
