"""Eq. 5-6 and the region-word term, against sums written out one by one."""

import math

import pytest
import torch
from torch.nn.functional import normalize

from slan_mm.models.objectives import CalibratedRegionWordLoss, ITCLoss, RegionWordLoss
from slan_mm.models.objectives.contrastive import Temperature, positives, region_word_scores, soft_cross_entropy


def unit(*shape, seed=0):
    return normalize(torch.randn(*shape, generator=torch.Generator().manual_seed(seed)), dim=-1)


def naive_info_nce(query, candidates, positive, tau):
    """-log of the share of ``positive`` (an index) among all candidates, one query."""
    exps = [math.exp(float(query @ candidate) / tau) for candidate in candidates]
    return -math.log(exps[positive] / sum(exps))


def test_positives_are_all_samples_of_the_image():
    target = positives(torch.tensor([7, 5]), torch.tensor([7, 5, 7, 9]))
    assert target.tolist() == [[0.5, 0, 0.5, 0], [0, 1, 0, 0]]


def test_soft_cross_entropy():
    loss = soft_cross_entropy(torch.tensor([[math.log(3), 0.0], [0.0, 0.0]]), torch.tensor([[1.0, 0.0], [0.5, 0.5]]))
    assert loss.item() == pytest.approx((math.log(4 / 3) + math.log(2)) / 2)


def test_itc_by_hand():
    """sim = [[.8, .6], [0, 1]] (rows images), tau = .2: the four shares of Eq. 5 on paper."""
    image = torch.tensor([[0.6, 0.8], [1.0, 0.0]])
    text = torch.tensor([[0.0, 1.0], [1.0, 0.0]])
    loss = ITCLoss(2, temperature=0.2)(image, text, torch.tensor([1, 2]))
    i2t = [math.exp(4) / (math.exp(4) + math.exp(3)), math.exp(5) / (math.exp(5) + 1)]
    t2i = [math.exp(4) / (math.exp(4) + 1), math.exp(5) / (math.exp(5) + math.exp(3))]
    expected = -sum(map(math.log, i2t + t2i)) / 2
    assert loss.item() == pytest.approx(expected, rel=1e-5)


def test_mixed_precision_tells_near_texts_apart():
    """Cosines 1 and .9999 are the same number in bfloat16."""
    image, text = torch.tensor([[1.0, 0.0]]), torch.tensor([[1.0, 0.0], [0.9999, 0.0141]])
    itc = ITCLoss(2, temperature=0.1)
    with torch.autocast('cpu', torch.bfloat16):
        scores = itc.similarity(image, text)
    assert scores.tolist() == [pytest.approx([10.0, 9.999])]
    assert torch.equal(scores, itc.similarity(image, text))


def test_itc_with_queue_against_loops():
    itc = ITCLoss(6, queue_size=5, temperature=0.1)
    old = unit(3, 6, seed=1), unit(3, 6, seed=2), torch.tensor([10, 11, 12])
    itc.queue.push(*old)
    image, text, ids = unit(4, 6, seed=3), unit(4, 6, seed=4), torch.tensor([0, 1, 2, 3])
    loss = itc(image, text, ids)
    texts, images = torch.cat([text, old[1]]), torch.cat([image, old[0]])
    terms = [naive_info_nce(image[n], texts, n, 0.1) + naive_info_nce(text[n], images, n, 0.1) for n in range(4)]
    assert loss.item() == pytest.approx(sum(terms) / 4, rel=1e-5)
    # The batch has entered the queue after it was used: of 7 samples the last 5 are left.
    assert sorted(itc.queue.content()[2].tolist()) == [0, 1, 2, 3, 12]


def test_candidates_of_the_same_image_are_positives():
    """Two captions of one image in the batch, and a third in the queue: each is a third of the target."""
    itc = ITCLoss(4, queue_size=3, temperature=0.5)
    old_image, old_text = unit(1, 4, seed=1), unit(1, 4, seed=2)
    itc.queue.push(old_image, old_text, torch.tensor([8]))
    image, text, ids = unit(3, 4, seed=3), unit(3, 4, seed=4), torch.tensor([8, 8, 9])
    texts, images = torch.cat([text, old_text]), torch.cat([image, old_image])
    expected = 0.0
    for n, same in enumerate(([0, 1, 3], [0, 1, 3], [2])):
        for query, candidates in ((image[n], texts), (text[n], images)):
            expected += sum(naive_info_nce(query, candidates, m, 0.5) for m in same) / len(same) / 3
    assert itc(image, text, ids).item() == pytest.approx(expected, rel=1e-5)


def test_evaluation_leaves_the_queue_alone():
    itc = ITCLoss(4, queue_size=3).eval()
    itc(unit(2, 4), unit(2, 4, seed=1), torch.tensor([0, 1]))
    assert len(itc.queue.content()[2]) == 0


@pytest.mark.parametrize('distill', [0.0, 0.4])
def test_momentum_features_are_the_candidates_and_soften_the_targets(distill):
    itc = ITCLoss(5, queue_size=4, temperature=0.2, distill=distill)
    image, text = unit(3, 5, seed=1), unit(3, 5, seed=2)
    slow_image, slow_text = unit(3, 5, seed=3), unit(3, 5, seed=4)
    loss = itc(image, text, torch.tensor([0, 1, 2]), (slow_image, slow_text))
    expected = 0.0
    for n in range(3):
        for query, slow, candidates in ((image[n], slow_image[n], slow_text), (text[n], slow_text[n], slow_image)):
            soft = [math.exp(float(slow @ c) / 0.2) for c in candidates]
            for m in range(3):
                target = distill * soft[m] / sum(soft) + (1 - distill) * (m == n)
                expected += target * naive_info_nce(query, candidates, m, 0.2) / 3
    assert loss.item() == pytest.approx(expected, rel=1e-5)
    queued = itc.queue.content()
    torch.testing.assert_close(queued[0], slow_image)
    torch.testing.assert_close(queued[1], slow_text)


def test_gradient_reaches_both_sides_and_the_temperature_but_not_the_queue():
    itc = ITCLoss(4, queue_size=4)
    itc.queue.push(unit(2, 4, seed=5), unit(2, 4, seed=6), torch.tensor([8, 9]))
    image, text = unit(2, 4).requires_grad_(), unit(2, 4, seed=1).requires_grad_()
    itc(image, text, torch.tensor([0, 1])).backward()
    assert image.grad.abs().sum() > 0 and text.grad.abs().sum() > 0
    assert itc.temperature.log_scale.grad.abs() > 0
    assert not any(buffer.requires_grad for buffer in itc.queue.buffers())


def test_temperature():
    temperature = Temperature(0.07)
    assert temperature().item() == pytest.approx(1 / 0.07)
    with torch.no_grad():
        temperature.log_scale.fill_(9.0)
    assert temperature().item() == pytest.approx(100)
    with torch.no_grad():
        temperature.log_scale.fill_(-9.0)
    assert temperature().item() == pytest.approx(1)


@pytest.mark.parametrize(('start', 'sign'), [(9.0, 1.0), (-9.0, -1.0)])
def test_temperature_comes_back_from_its_bounds(start, sign):
    temperature = Temperature()
    with torch.no_grad():
        temperature.log_scale.fill_(start)
    optimizer = torch.optim.SGD(temperature.parameters(), lr=0.1)
    before = temperature().item()
    for _ in range(3):
        optimizer.zero_grad()
        (sign * temperature().log()).backward()
        optimizer.step()
    assert abs(math.log(temperature().item() / before)) > 0.2


# ------------------------------------------------------------------------------------------------------ region-word


def test_region_word_score_by_hand():
    """Mean over words of the best region's cosine: words (1, 0) and (0, 1), regions (.6, .8) and (0, 1)."""
    regions = torch.tensor([[[0.6, 0.8], [0.0, 1.0]], [[-1.0, 0.0], [-0.6, -0.8]]])
    words = torch.tensor([[[1.0, 0.0], [0.0, 1.0]], [[0.0, 1.0], [1.0, 0.0]]])
    mask = torch.tensor([[True, True], [True, False]])
    scores = region_word_scores(regions, words, mask)
    torch.testing.assert_close(scores, torch.tensor([[(0.6 + 1) / 2, 1.0], [(-0.6 + 0) / 2, 0.0]]))


def test_region_word_padding_never_counts():
    regions, words = unit(3, 5, 6), unit(2, 4, 6, seed=1)
    mask = torch.tensor([[True] * 4, [True, True, False, False]])
    expected = region_word_scores(regions, words, mask)
    padded = torch.cat([words, unit(2, 3, 6, seed=2) * 50], 1)
    padded[1, 2:] = 70.0
    more = torch.cat([mask, torch.zeros(2, 3, dtype=torch.bool)], 1)
    torch.testing.assert_close(region_word_scores(regions, padded, more), expected)
    torch.testing.assert_close(region_word_scores(regions[1:2], words[:1], mask[:1])[0, 0], expected[1, 0])
    # A text with no word at all scores nothing, and does not break the batch.
    assert region_word_scores(regions, words, torch.zeros_like(mask)).abs().sum() == 0


def test_region_word_loss_against_loops():
    loss_module = RegionWordLoss(temperature=0.1)
    regions, words = unit(3, 5, 6), unit(3, 4, 6, seed=1)
    mask = torch.tensor([[True] * 4, [True, True, False, False], [True, True, True, False]])
    ids = torch.tensor([4, 4, 5])
    loss, scores = loss_module(regions, words, mask, ids)
    sim = [[0.0] * 3 for _ in range(3)]
    for b in range(3):
        for t in range(3):
            best = [max(float(region @ word) for region in regions[b]) for word in words[t][mask[t]]]
            sim[b][t] = sum(best) / len(best) / 0.1
    torch.testing.assert_close(scores, torch.tensor(sim))
    expected = 0.0
    for n, same in enumerate(([0, 1], [0, 1], [2])):
        row, column = sim[n], [sim[b][n] for b in range(3)]
        for values in (row, column):
            total = sum(map(math.exp, values))
            expected -= sum(math.log(math.exp(values[m]) / total) for m in same) / len(same) / 3
    assert loss.item() == pytest.approx(expected, rel=1e-5)


def test_every_word_teaches_its_best_region_only():
    regions, words = unit(1, 5, 6).requires_grad_(), unit(1, 2, 6, seed=1)
    region_word_scores(regions, words, torch.ones(1, 2, dtype=torch.bool)).sum().backward()
    best = set((regions[0] @ words[0].t()).argmax(0).tolist())
    assert {n for n in range(5) if regions.grad[0, n].abs().sum() > 0} == best


def test_words_that_count_more_and_words_that_are_usual():
    """Cosines .8 and .5, weights 1 and 3, usual cosines .2 and .4: (1 x .6 + 3 x .1) / 4."""
    regions = torch.eye(2)[None]
    words = torch.tensor([[[0.8, 0.6], [0.5, -math.sqrt(0.75)]]])
    mask = torch.ones(1, 2, dtype=torch.bool)
    score = region_word_scores(regions, words, mask, weight=torch.tensor([[1.0, 3.0]]), bias=torch.tensor([[0.2, 0.4]]))
    assert score.item() == pytest.approx(0.225)


def test_calibrated_words_start_alike_and_learn_to_differ():
    ids, mask = torch.arange(6), torch.ones(6, 3, dtype=torch.bool)
    regions, words = unit(6, 4, 5), unit(6, 3, 5, seed=1)
    plain, calibrated = RegionWordLoss(), CalibratedRegionWordLoss(word_dims=5)
    torch.testing.assert_close(calibrated(regions, words, mask, ids), plain(regions, words, mask, ids))
    optimizer = torch.optim.Adam(calibrated.parameters(), lr=0.05)
    before = calibrated(regions, words, mask, ids)[0]
    for _ in range(30):
        loss = calibrated(regions, words, mask, ids)[0]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss < before - 0.1
    weights = calibrated.calibration(words)[..., 0]
    assert weights.std() > 0.05
