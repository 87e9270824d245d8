import copy

import pytest
import torch

from slan_mm.models.objectives.queue import FeatureQueue


def batch(start, count):
    numbers = torch.arange(start, start + count)
    return (
        torch.stack([numbers.float(), -numbers.float()], 1),
        numbers.float()[:, None] * 2 + 0.0 * torch.ones(2),
        numbers,
    )


@pytest.mark.parametrize('size', [1, 4, 7])
@pytest.mark.parametrize('counts', [[3, 3, 3, 3], [1, 5, 2, 7, 1], [20], [2, 20, 3], [7, 7]])
def test_holds_the_latest_samples_whatever_the_batch_sizes(size, counts):
    queue, pushed = FeatureQueue(2, size), []
    for count in counts:
        queue.push(*batch(len(pushed), count))
        pushed += range(len(pushed), len(pushed) + count)
        image, text, ids = queue.content()
        assert sorted(ids.tolist()) == pushed[-size:]
        # Rows stay together.
        assert torch.equal(image[:, 0].long(), ids) and torch.equal(text[:, 1].long(), 2 * ids)
    assert len(queue) == size


def test_overwrites_the_oldest_first():
    queue = FeatureQueue(2, 5)
    queue.push(*batch(0, 4))
    queue.push(*batch(4, 3))
    assert queue.content()[2].tolist() == [5, 6, 2, 3, 4]


def test_starts_empty_and_content_is_a_copy():
    queue = FeatureQueue(2, 4)
    assert [len(part) for part in queue.content()] == [0, 0, 0]
    queue.push(*batch(1, 4))
    image, _, ids = queue.content()
    queue.push(*batch(9, 4))
    assert ids.tolist() == [1, 2, 3, 4] and image[0, 0] == 1


def test_is_saved_with_the_model():
    queue = FeatureQueue(2, 5)
    queue.push(*batch(0, 7))
    other = FeatureQueue(2, 5)
    other.load_state_dict(copy.deepcopy(queue.state_dict()))
    for one in (queue, other):
        one.push(*batch(7, 1))
    assert torch.equal(queue.content()[2], other.content()[2])


def test_half_precision_samples_enter():
    queue = FeatureQueue(2, 4)
    image, text, ids = batch(0, 2)
    queue.push(image.half().requires_grad_(), text.half(), ids)
    assert queue.content()[0].dtype == torch.float32 and not queue.content()[0].requires_grad
