"""The plan of a run, against numbers counted by hand."""

import argparse
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from torch import nn


@pytest.fixture
def plan_run(monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / 'tools/analysis'))
    import plan_run

    return plan_run


class Layer(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.first = nn.Linear(width, 2 * width, bias=False)
        self.second = nn.Linear(2 * width, width, bias=False)

    def forward(self, x):
        return self.second(self.first(x).relu())


@pytest.mark.parametrize('repeated', [(), ('Layer',)])
def test_operations_and_bytes_of_a_step(plan_run, repeated):
    batch, width = 3, 4
    with plan_run.FakeTensorMode():
        model = nn.Sequential(nn.Linear(5, width, bias=False), Layer(width), Layer(width))
        step = plan_run.count_step(model, lambda: model(torch.zeros(batch, 5)).sum(), repeated)
    layer = 2 * batch * (2 * width * 2 * width)
    stem = 2 * batch * 5 * width
    # Backward: the gradient of inputs and that of weights, but of the pictures none is asked for.
    assert step.flops == 3 * 2 * layer + 2 * stem
    assert step.repeated == (2 * layer if repeated else 0)
    pictures, inputs, inside = 4 * batch * 5, 4 * batch * width, 4 * batch * 2 * width
    # A layer keeps its input and, once, what its ReLU gave, which both ReLU and the second product read.
    assert step.kept == pictures + 2 * inputs + (1 if repeated else 2) * inside


@pytest.fixture
def planned(plan_run, monkeypatch):
    """Rows of a plan for a model of round numbers."""
    giga = 10**9
    monkeypatch.setattr(plan_run, 'slan_step', lambda cfg, n, *_: plan_run.Step(n * 2 * 10**12, n * 10**12, 2**30))

    def rows(gpus, micro_batch=None, **changes):
        cfg = Config(
            dict(
                train_dataloader=dict(batch_size=10),
                optim_wrapper=dict(accumulative_counts=2),
                auto_scale_lr=dict(base_batch_size=40),
                default_hooks=dict(checkpoint=dict(interval=1800)),
                **changes,
            )
        )
        options = argparse.Namespace(
            micro_batch=micro_batch, size=224, words=20, samples=86400 * 40, epochs=2, peak=80.0, utilisation=0.5
        )
        return plan_run.plan(cfg, gpus, 10.5, (10**12, (giga, giga // 2, giga // 10)), options)

    return rows


def test_a_sharded_run(planned):
    rows = planned(4, strategy=dict(type='some'))
    assert rows['micro-batch x accumulated'] == '10 x 2'
    # 4 TFLOPs of each of 10 samples at 40 TFLOP/s.
    assert rows['TFLOPs of a sample'] == '4.00' and rows['seconds of an iteration'] == '1.00'
    assert rows['iterations'] == '172,800' and rows['samples a second, at most'] == '40'
    assert rows['days, communication overlapped'] == '2.0' and rows['days, communication not overlapped'] == '4.0'
    # 16 bytes of a parameter and 4 of an average, shared by four; a tenth not; and whole gradients.
    state = ((16 + 2) - 0.1 * 20) / 4 + 0.1 * 20 + 4
    assert float(rows['weights, gradients, AdamW, averages (GiB)']) == pytest.approx(state / 1.0737, abs=0.06)
    assert float(rows['sum (GiB)']) == pytest.approx(state / 1.0737 + 1, abs=0.06)
    assert float(rows['received by a GPU in it (GB)']) == pytest.approx((12 + 2) * 3 / 4, abs=0.06)
    assert rows['a checkpoint (GB)'] == '14.0' and rows['hours between checkpoints'] == '0.5'


def test_a_run_of_whole_models(planned):
    rows = planned(2, micro_batch=40)
    assert rows['micro-batch x accumulated'] == '40 x 1'
    assert float(rows['weights, gradients, AdamW, averages (GiB)']) == pytest.approx(18 / 1.0737, abs=0.06)
    assert float(rows['received by a GPU in it (GB)']) == pytest.approx(8 / 2, abs=0.06)


def test_a_batch_that_cannot_be_shared(planned):
    with pytest.raises(ValueError, match='3 GPUs cannot share a batch of 80'):
        planned(3)
