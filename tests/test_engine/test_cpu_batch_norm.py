"""Two ranks normalise, learn and remember as one does with their batches joined."""

import pytest
import torch
from support.processes import run_ranks
from torch import nn

from slan_mm.engine.cpu_batch_norm import CPUSyncBatchNorm, sync_batch_norms_on_cpu


def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4, momentum=0.3), nn.Sequential(nn.BatchNorm2d(4)))


def steps(model, rank, share):
    """Outputs, gradients and buffers of two training steps on this rank's share of six pictures, and a test."""
    pictures = torch.randn(3, 6, 3, 5, 5, generator=torch.Generator().manual_seed(1)) * 3 + 2
    pictures = pictures[:, rank * share : (rank + 1) * share].clone().requires_grad_()
    weight = torch.linspace(-1, 1, 6)[rank * share : (rank + 1) * share].view(-1, 1, 1, 1)
    outputs = [model(pictures[0]), model(pictures[1])]
    # The ranks' losses differ, and their mean is that of the whole batch.
    sum((output.sin() * weight).sum() for output in outputs).backward()
    outputs.append(model.eval()(pictures[2]))
    gradients = [parameter.grad for parameter in model.parameters()]
    return [output.detach() for output in outputs], pictures.grad, gradients, list(model.buffers())


def on_a_rank(rank):
    model = sync_batch_norms_on_cpu(network())
    return [type(model[1]), type(model[2][0]), *steps(model, rank, 3)]


def test_two_ranks_are_one(tmp_path):
    ranks = run_ranks(on_a_rank, 2, tmp_path)
    outputs, pictures, gradients, buffers = steps(network(), 0, 6)
    for rank, (first, nested, own_outputs, own_pictures, _, own_buffers) in enumerate(ranks):
        assert first is nested is CPUSyncBatchNorm
        own = slice(3 * rank, 3 * rank + 3)
        for one, two in zip(outputs, own_outputs, strict=True):
            torch.testing.assert_close(two, one[own])
        torch.testing.assert_close(own_pictures, pictures[:, own])
        for one, two in zip(buffers, own_buffers, strict=True):
            torch.testing.assert_close(two, one)
    for index, gradient in enumerate(gradients):
        torch.testing.assert_close(sum(result[4][index] for result in ranks), gradient, atol=1e-4, rtol=1e-4)


def test_names_of_parameters_and_buffers_stay():
    model = network()
    before = dict(model.state_dict(keep_vars=True))
    after = sync_batch_norms_on_cpu(model).state_dict(keep_vars=True)
    assert before.keys() == after.keys()
    assert all(after[name] is value for name, value in before.items())


@pytest.mark.parametrize('momentum', [None, 0.1])
def test_without_statistics_or_parameters(momentum):
    layer = nn.BatchNorm1d(3, momentum=momentum, affine=False, track_running_stats=False)
    synced = sync_batch_norms_on_cpu(layer)
    assert synced.weight is None and synced.running_mean is None and synced.momentum == momentum
