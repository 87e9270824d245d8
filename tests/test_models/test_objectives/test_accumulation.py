"""Which losses of two micro-batches have, on average, the gradient of one batch; and what a queue does for the rest."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from mmengine.optim import OptimWrapper
from support.toy import build_toy_slan, toy_batch, toy_losses
from torch import Tensor, nn
from torch.nn.functional import normalize

#: Two micro-batches of the same texts, so of as many words, with other pictures; and two that share nothing.
HALVES, OTHER_HALVES = ((0, 1), (8, 9)), ((0, 1), (2, 3))
WHOLE = (*HALVES[0], *HALVES[1])
SAME = ('loss_lm', 'loss_reg', 'loss_saliency')
OTHER = ('loss_itc', 'loss_region_word_lexical', 'loss_region_word_contextual', 'loss_mixer', 'loss_itm')


def build(**overrides: object) -> nn.Module:
    # Without a threshold each picture keeps as many regions.
    return build_toy_slan(locator__region_filter=dict(type='RegionFilter', top=8, threshold=0.0), **overrides)


@pytest.fixture(autouse=True)
def same_draws(monkeypatch):
    """Random numbers of a text in a micro-batch are those of it in the whole batch."""

    def draws(seed: int, iteration: int, kind: int, shape: tuple[int, ...], device: torch.device) -> Tensor:
        generator = torch.Generator().manual_seed(kind)
        return torch.rand((shape[0], 2, *shape[2:]), generator=generator).repeat(
            1, shape[1] // 2, *[1] * len(shape[2:])
        )

    for name in ('word_masking', 'step_pairs'):
        monkeypatch.setattr(f'slan_mm.models.objectives.{name}.seeded_uniform', draws)


def gradient(name: str, batches: tuple[tuple[int, ...], ...], model: nn.Module) -> dict[str, Tensor]:
    """The gradient of one loss, accumulated over ``batches`` as MMEngine's optimizer wrapper does."""
    for batch in batches:
        (toy_losses(model, toy_batch(batch))[name] / len(batches)).backward()
    return {key: value.grad for key, value in model.named_parameters() if value.grad is not None}


def difference(name: str, halves: tuple[tuple[int, ...], ...], make: Callable[[], nn.Module] = build) -> float:
    """How far both gradients are apart, in shares of the largest of their entries."""
    one, two = gradient(name, (sum(halves, ()),), make()), gradient(name, halves, make())
    assert one.keys() == two.keys() and one
    largest = max(value.abs().max().item() for value in one.values())
    return max((one[key] - two[key]).abs().max().item() for key in one) / largest


@pytest.mark.parametrize('name', SAME)
def test_means_over_words_regions_and_pictures_accumulate(name):
    assert difference(name, HALVES) < 1e-5


@pytest.mark.parametrize('name', OTHER)
def test_losses_that_compare_samples_do_not(name):
    assert difference(name, OTHER_HALVES) > 1e-2


def test_a_long_queue_nearly_makes_up_for_it():
    def with_queue(size: int) -> nn.Module:
        model = build(objective__itc=dict(queue_size=size), objective__momentum=0.9)
        embeddings = normalize(torch.randn(2, size, 12, generator=torch.Generator().manual_seed(0)), dim=-1)
        model.objective.itc.queue.push(embeddings[0], embeddings[1], -torch.arange(1, size + 1))
        return model

    without = difference('loss_itc', OTHER_HALVES, lambda: build(objective__momentum=0.9))
    assert difference('loss_itc', OTHER_HALVES, lambda: with_queue(512)) < 0.1 * without


def test_an_optimizer_step_over_micro_batches_is_that_of_the_batch():
    ends = []
    for batches in ((WHOLE,), HALVES):
        model = build(objective__weights=dict(itc=0.0, region_word=0.0, itm=0.0))
        wrapper = OptimWrapper(torch.optim.SGD(model.parameters(), lr=0.1), accumulative_counts=len(batches))
        for batch in batches:
            model.train_step(toy_batch(batch), wrapper)
        ends.append({key: value for key, value in model.named_parameters() if 'mixer' not in key})
    for key, value in ends[0].items():
        torch.testing.assert_close(ends[1][key], value, atol=1e-5, rtol=1e-4)
