"""Querybank normalisation: worked by hand, and in the retrieval evaluator."""

import numpy as np
import pytest
import torch
from mmengine.dataset import DefaultSampler
from support.processes import run_ranks
from support.retrieval_fakes import FakeDataset, FakeModel, fake_loader, fake_samples

from slan_mm.evaluation import RetrievalEvaluator
from slan_mm.evaluation.functional import gold_ranks, summarise_ranks
from slan_mm.evaluation.gallery import encode_gallery
from slan_mm.evaluation.querybank import Querybank

BANK = [(f'bank{number}', number, [f'{number}1', f'{number % 7}']) for number in range(30, 37)]


def scores_of(images, texts):
    model = FakeModel()
    with torch.no_grad():
        image = model.encode_image(torch.tensor(images)[:, None, None, None])
        return model.shortlist_scores(image, model.encode_text(texts)).double().numpy()


def texts_of(samples):
    return [text for _, _, own in samples for text in own]


def biases_by_hand(samples, weight):
    numbers, bank_numbers = [number for _, number, _ in samples], [number for _, number, _ in BANK]
    of_images = np.log(np.exp(scores_of(numbers, texts_of(BANK))).sum(1))
    of_texts = np.log(np.exp(scores_of(bank_numbers, texts_of(samples))).sum(0))
    return weight * of_images, weight * of_texts


@pytest.mark.parametrize('chunks', [(64, 256), (2, 3)])
def test_biases_by_hand(chunks):
    samples, model = fake_samples(), FakeModel()
    gallery = encode_gallery(model, fake_loader(samples))
    with torch.no_grad():
        biases = Querybank(fake_loader(BANK), weight=0.25).biases(model, gallery, *chunks)
    for bias, expected in zip(biases, biases_by_hand(samples, 0.25), strict=True):
        np.testing.assert_allclose(bias, expected, rtol=1e-5)


def test_scores_are_lowered_by_them_and_those_of_itc_are_not():
    samples = fake_samples()
    numbers = np.array([number for _, number, _ in samples])
    text_image = np.array([number for _, number, own in samples for _ in own])
    scores = scores_of(list(numbers), texts_of(samples))
    image_bias, text_bias = biases_by_hand(samples, 0.5)
    gold = numbers[:, None] == text_image[None]
    metrics = RetrievalEvaluator(k=4, querybank=dict(dataloader=fake_loader(BANK))).run(
        FakeModel(), fake_loader(samples)
    )
    expected = summarise_ranks(gold_ranks(scores - text_bias, gold), 'retrieval_shortlist/i2t_')
    expected |= summarise_ranks(gold_ranks(scores.T - image_bias, gold.T), 'retrieval_shortlist/t2i_')
    assert {name: metrics[name] for name in expected} == pytest.approx(expected)
    plain = RetrievalEvaluator(k=4).run(FakeModel(), fake_loader(samples))
    assert {name for name in plain if metrics[name] != plain[name]} > {
        'retrieval/i2t_meanR',
        'retrieval/t2i_meanR',
        'retrieval_shortlist/i2t_meanR',
        'retrieval_shortlist/t2i_meanR',
    }
    assert all(metrics[name] == plain[name] for name in plain if name.startswith('retrieval_itc'))


def test_weight_zero_changes_nothing():
    samples = fake_samples()
    bank = dict(dataloader=fake_loader(BANK), weight=0.0)
    metrics = RetrievalEvaluator(k=4, querybank=bank).run(FakeModel(), fake_loader(samples))
    assert metrics == RetrievalEvaluator(k=4).run(FakeModel(), fake_loader(samples))


def test_a_text_that_fits_every_picture_is_no_answer():
    """Text 0 has 3 with every picture, each other text 2 with its own and 0 with others; the bank has seen the same."""

    def shortlist_scores(image, text):
        rows, columns = image.number[:, None] % 4, text.words.argmax(-1).squeeze(1)[None] % 4
        return torch.where(columns == 0, 3.0, torch.where(rows == columns, 2.0, 0.0))

    model = FakeModel()
    with torch.no_grad():
        model.words.copy_(torch.eye(10)[:, :6])  # digit d of 0 to 5 is told by its place
    model.shortlist_scores = shortlist_scores
    samples = [(f'{number}', number, [f'{number % 4}']) for number in range(4)]
    plain = RetrievalEvaluator(fast=True).run(model, fake_loader(samples))
    assert plain['retrieval_shortlist/i2t_R1'] == 25
    bank = [(f'bank{number}', number, [f'{number % 4}']) for number in range(8, 20)]
    metrics = RetrievalEvaluator(fast=True, querybank=dict(dataloader=fake_loader(bank), weight=1.0)).run(
        model, fake_loader(samples)
    )
    assert metrics['retrieval_shortlist/i2t_R1'] == 100


def test_a_config_builds_the_loader():
    """As a config file has it: sampler and data set by config."""
    config = dict(
        batch_size=3,
        num_workers=0,
        sampler=dict(type='mmengine.DefaultSampler', shuffle=False),
        collate_fn=dict(type='pseudo_collate'),
        dataset=FakeDataset(BANK),
    )
    samples = fake_samples()
    metrics = RetrievalEvaluator(k=4, querybank=dict(dataloader=config)).run(FakeModel(), fake_loader(samples))
    assert metrics == RetrievalEvaluator(k=4, querybank=dict(dataloader=fake_loader(BANK))).run(
        FakeModel(), fake_loader(samples)
    )


def test_refusals():
    with pytest.raises(ValueError, match='weight must not be negative'):
        RetrievalEvaluator(querybank=dict(dataloader=None, weight=-1))
    bank = dict(dataloader=fake_loader([('lonely', 0, [])]))
    with pytest.raises(ValueError, match="'lonely' has no text"):
        RetrievalEvaluator(querybank=bank).run(FakeModel(), fake_loader(fake_samples()))


def test_the_protocol_tells_it(monkeypatch):
    lines = []
    monkeypatch.setattr('slan_mm.evaluation.retrieval_evaluator.print_log', lambda line, logger: lines.append(line))
    monkeypatch.setattr('slan_mm.evaluation.querybank.print_log', lambda line, logger: lines.append(line))
    RetrievalEvaluator(querybank=dict(dataloader=fake_loader(BANK))).run(FakeModel(), fake_loader(fake_samples()))
    protocol, bank = lines
    assert 'scores less 0.5 x logsumexp over a querybank' in protocol
    assert bank == 'Querybank: 7 images and 14 texts.'


def on_a_rank(rank):
    loader, bank = (
        fake_loader(samples, sampler=DefaultSampler(FakeDataset(samples), shuffle=False))
        for samples in (fake_samples(13), BANK)
    )
    return RetrievalEvaluator(k=4, querybank=dict(dataloader=bank)).run(FakeModel(), loader)


def test_two_ranks_agree_with_one(tmp_path):
    wanted = RetrievalEvaluator(k=4, querybank=dict(dataloader=fake_loader(BANK))).run(
        FakeModel(), fake_loader(fake_samples(13))
    )
    for metrics in run_ranks(on_a_rank, 2, tmp_path):
        assert metrics == pytest.approx(wanted)
