"""The number of ranks never changes losses or gradients."""

from __future__ import annotations

import logging
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from mmengine.dist import all_reduce_dict
from mmengine.model import MMDistributedDataParallel
from support.processes import run_ranks
from support.toy import build_toy_slan, literal_config, toy_batch, toy_config
from torch import Tensor

from slan_mm.engine.hooks import LocatorDiagnosticsHook, NonFiniteLossHook
from slan_mm.models.dist import gather, gather_padded, local_rows, seeded_uniform
from slan_mm.models.objectives.step_pairs import Negatives, draw_negatives

PAIRS, STEPS = 6, 3
# Sample 4 is of the image of sample 1, on the other rank: never a negative, always a positive.
SAME_IMAGE = {4: 'image1'}
CONFIGS = {
    'default': lambda: toy_config(
        objective__weights=dict(rerank=0.5),
        objective__itc=dict(queue_size=8, distill=0.4),
        objective__momentum=0.8,
        objective__regression=dict(type='SaliencyRegressionLoss'),
    ),
    'itm late, image-only saliency': lambda: toy_config(
        objective__itm_start=2,
        locator__region_filter=dict(type='ImageSaliencyFilter', top=8, threshold=0.9),
    ),
    'own negatives': lambda: toy_config(objective__negatives_from_all_ranks=False),
    'locator late': lambda: toy_config(objective__locator_start=2),
    'soft targets': lambda: toy_config(text__encoder__frozen=True, objective__soft_targets=dict(share=0.5)),
    'literal': literal_config,
}
#: The literal paper drops the regions that line 4 attends, so some projections never get a gradient.
UNUSED = {'literal'}


def negatives_of_two_halves(sampler: Any, iteration: int, scores: Tensor, ids: Tensor) -> Negatives:
    """Negatives as two ranks draw them that keep to their own halves of the batch."""
    half = torch.arange(PAIRS) // (PAIRS // 2)
    same = (ids[:, None] == ids[None]) | (half[:, None] != half[None])
    uniform = seeded_uniform(sampler.seed, iteration, 0, (2, PAIRS), ids.device)
    text, has_text = draw_negatives(scores, same, uniform[0])
    image, has_image = draw_negatives(scores.t(), same, uniform[1])
    assert (half[text] == half).all() and (half[image] == half).all()
    row = torch.arange(PAIRS)
    lead = scores.diagonal() - torch.stack([scores[row, text], scores[image, row]])
    return Negatives(text, image, torch.cat([has_text, has_image]), lead.flatten())


def train(rank: int, world_size: int, name: str) -> list[dict]:
    """Logs and gradients of a few steps of gradient descent on this rank's share of the batches."""
    model = build_toy_slan(config=CONFIGS[name]())
    wrapped = (
        MMDistributedDataParallel(model, broadcast_buffers=False, find_unused_parameters=name in UNUSED)
        if world_size > 1
        else model
    )
    share = PAIRS // world_size
    if name == 'own negatives' and world_size == 1:
        model.objective.sampler.negatives = partial(negatives_of_two_halves, model.objective.sampler)
    steps, diagnostics = [], LocatorDiagnosticsHook()
    diagnostics.before_train(SimpleNamespace(model=wrapped))
    for step in range(STEPS):
        first = rank * share
        # Rank 0 has short texts and rank 1 long ones in the first batch: they pad to different lengths.
        order = [1, 4, 5, 0, 2, 6] if step == 0 else list(range(step, step + PAIRS))
        batch = model.data_preprocessor(toy_batch(order[first : first + share], SAME_IMAGE), True)
        losses = wrapped(**batch, mode='loss')
        loss, log = model.parse_losses(losses)
        diagnostics.after_train_iter(None, step, None, log)
        means = {key: value.detach().clone() for key, value in log.items()}
        all_reduce_dict(means, op='mean')
        wrapped.zero_grad()
        loss.backward()
        gradients = {n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None}
        steps.append(dict(log={key: float(value) for key, value in means.items()}, gradients=gradients))
        with torch.no_grad():
            for parameter in model.parameters():
                if parameter.grad is not None:
                    parameter -= 0.05 * parameter.grad
    queue = model.objective.itc.queue
    return [*steps, dict(queue=queue.content() if queue is not None else None)]


def refusal(rank: int) -> str:
    """What NonFiniteLossHook says where L_reg is broken on rank 1 alone."""
    model = build_toy_slan()
    if rank == 1:
        model.objective.weights['reg'] = float('nan')
    batch = model.data_preprocessor(toy_batch([2 * rank, 2 * rank + 1]), True)
    _, log = model.parse_losses(model(**batch, mode='loss'))
    runner = SimpleNamespace(iter=6, rank=rank, world_size=2, logger=logging.getLogger('refusal'), model=model)
    runner.message_hub = SimpleNamespace(log_scalars={})
    try:
        NonFiniteLossHook().after_train_iter(runner, 0, batch, log)
    except FloatingPointError as error:
        return str(error)
    return ''


def everything(rank: int) -> dict:
    """All that the tests ask of a rank, in one process: its start is what takes the time."""
    own = torch.arange(6.0).view(2, 3) + 10 * rank
    own.requires_grad_()
    gathered = gather(own)
    # Each rank's loss weighs the gathered rows otherwise; their mean over ranks is one loss of all rows.
    (gathered * torch.arange(12.0).view(4, 3) * (rank + 1)).sum().backward()
    ids = gather(torch.tensor([rank, rank + 5]))
    flags = gather_padded(torch.ones(2, rank + 1, dtype=torch.bool))
    return dict(
        gathered=gathered.detach(),
        gradient=own.grad,
        ids=ids,
        flags=flags,
        rows=gathered.detach()[local_rows(2)],
        runs={name: train(rank, 2, name) for name in CONFIGS},
        refusal=refusal(rank),
    )


@pytest.fixture(scope='module')
def ranks(tmp_path_factory):
    return run_ranks(everything, 2, tmp_path_factory.mktemp('ranks'))


def test_gather_and_its_gradient(ranks):
    rows = torch.arange(6.0).view(2, 3)
    for rank, result in enumerate(ranks):
        assert torch.equal(result['gathered'], torch.cat([rows, rows + 10]))
        assert torch.equal(result['rows'], rows + 10 * rank)
        assert result['ids'].tolist() == [0, 5, 1, 6]
        # Rank 0's flags were one wide, rank 1's two.
        assert result['flags'].tolist() == [[True, False]] * 2 + [[True, True]] * 2
        weight = torch.arange(12.0).view(4, 3)[2 * rank : 2 * rank + 2]
        assert torch.equal(result['gradient'], weight + 2 * weight)


def test_a_broken_loss_stops_all_ranks_and_names_the_samples_of_its_own(ranks):
    own = [toy_batch([number])['data_samples'][0].sample_id for number in range(4)]
    for result in ranks:
        assert 'rank 1: loss = nan, loss_reg = nan.' in result['refusal'] and 'rank 0' not in result['refusal']
        assert all(name in result['refusal'] for name in own[2:])
        assert not any(f'{name} ' in result['refusal'] for name in own[:2])


@pytest.fixture
def one_thread():
    """As the ranks run: kernels that share their sums among threads round otherwise, and a maximum of nearly equal
    similarities then has another winner and another gradient."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.mark.usefixtures('one_thread')
@pytest.mark.parametrize('name', CONFIGS)
def test_two_ranks_on_halves_are_one_on_the_whole(ranks, name):
    *alone, end = train(0, 1, name)
    for result in ranks:
        *steps, last = result['runs'][name]
        for number, (one, two) in enumerate(zip(alone, steps, strict=True)):
            assert one['log'].keys() == two['log'].keys()
            for key, value in one['log'].items():
                assert two['log'][key] == pytest.approx(value, abs=1e-5, rel=1e-5), (number, key)
            # Sums in another order differ by rounding, in proportion to the terms and not to what is left of them: by
            # 1.2e-5 on the processor where most was seen.
            largest = max(gradient.abs().max().item() for gradient in one['gradients'].values())
            for key, gradient in one['gradients'].items():
                difference = (two['gradients'][key] - gradient).abs().max().item()
                assert difference <= 3e-5 * max(largest, 1), (number, key)
        for one, two in zip(end['queue'] or (), last['queue'] or (), strict=True):
            torch.testing.assert_close(two, one, atol=1e-5, rtol=1e-4)
    assert {key for key in alone[0]['log'] if key.startswith('loss_')} >= {
        'loss_itc',
        'loss_itm',
        'loss_lm',
        'loss_reg',
    }
