"""The maximum over regions, and its gradient, against PyTorch's own."""

import pytest
import torch
from torch.nn.functional import normalize

from slan_mm.models.objectives import best_regions as module
from slan_mm.models.objectives.best_regions import BestRegions, best_regions, maximum


def unit(*shape, seed=0):
    return normalize(torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.double), dim=-1)


def by_loops(regions, words):
    return torch.stack([(regions @ text.t()).amax(1) for text in words], dim=1)


@pytest.mark.parametrize('regions', range(1, 12))
def test_the_maximum_and_its_row(regions):
    """From one row to four blocks, the last one with fewer rows or full."""
    similarity = torch.randn(2, regions, 50, generator=torch.Generator().manual_seed(regions))
    value, row = maximum(similarity)
    expected = similarity.max(1)
    assert torch.equal(value, expected.values)
    assert torch.equal(row, expected.indices)


def test_negative_maxima_of_a_smaller_last_block():
    value, row = maximum(torch.tensor([-3.0, -2.0, -5.0, -4.0, -1.0]).view(1, 5, 1))
    assert (value.item(), row.item()) == (-1, 4)


def test_one_of_equal_regions_has_the_gradient():
    regions, words = torch.eye(2, dtype=torch.double)[[0, 0, 1]][None].requires_grad_(), unit(1, 1, 2)
    with torch.no_grad():
        words[0, 0] = torch.tensor([1.0, 0.0])
    best_regions(regions, words).sum().backward()
    assert regions.grad.abs().sum(-1).tolist() == [[1, 0, 0]]


def test_gradients_of_regions_and_words():
    regions, words = unit(3, 5, 4).requires_grad_(), unit(6, 4, seed=1).requires_grad_()
    assert torch.autograd.gradcheck(lambda *both: BestRegions.apply(*both, 2), (regions, words))


@pytest.mark.parametrize('learns', ['regions', 'words'])
def test_one_side_may_be_frozen(learns):
    sides = {'regions': unit(2, 5, 4), 'words': unit(3, 2, 4, seed=1)}
    sides[learns].requires_grad_()
    best_regions(**sides).square().sum().backward()
    gradient = sides[learns].grad
    sides[learns].grad = None
    by_loops(**sides).square().sum().backward()
    torch.testing.assert_close(gradient, sides[learns].grad)


def test_chunks_of_images_bound_memory_and_change_nothing(monkeypatch):
    """Seven images of 5 regions, two texts of 3 words: 30 similarities an image."""
    sizes = []

    def noted(similarity):
        sizes.append(similarity.numel())
        return maximum(similarity)

    monkeypatch.setattr(module, 'maximum', noted)
    results = []
    for limit in (95, 10**6, 1):
        regions, words = unit(7, 5, 4).requires_grad_(), unit(2, 3, 4, seed=1).requires_grad_()
        best = best_regions(regions, words, limit)
        best.square().sum().backward()
        results.append((best.detach(), regions.grad, words.grad))
    assert sizes == [90, 90, 30, 210, *[30] * 7]
    for other in results:
        torch.testing.assert_close(other[0], by_loops(regions, words))
        torch.testing.assert_close(other, results[1])


def test_evaluation_computes_the_same():
    regions, words = unit(4, 7, 3), unit(2, 3, 3, seed=1)
    expected = best_regions(regions.clone().requires_grad_(), words)
    assert torch.equal(best_regions(regions, words, 42), expected)
