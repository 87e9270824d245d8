import numpy as np
import pytest
import torch
from mmengine.dataset import DefaultSampler
from support.processes import run_ranks
from support.retrieval_fakes import FakeModel, fake_loader, fake_samples

from slan_mm.evaluation import RetrievalEvaluator
from slan_mm.registry import EVALUATOR


def by_hand(samples, k, itm_weight, m=10_000, full_k=None):
    """The same protocol written the slow way: sort lists of candidates, query by query."""
    model = FakeModel()
    texts = [text for _, _, own in samples for text in own]
    text_image = [number for _, number, own in samples for _ in own]
    numbers = [number for _, number, _ in samples]
    with torch.no_grad():
        image = model.encode_image(torch.tensor(numbers)[:, None, None, None])
        text = model.encode_text(texts)
        alone = model.itc_scores(image, text).numpy()
        scores = model.shortlist_scores(image, text).numpy()
        early, itm = (
            np.stack(
                [
                    model.itm_scores(image[torch.full((len(texts),), i)], text, levels=levels).numpy()
                    for i in range(len(numbers))
                ]
            )
            for levels in (1, None)
        )
    result = {}
    for name, base, itc, first, extra, query_image, candidate_image in (
        ('i2t', scores, alone, early, itm, numbers, text_image),
        ('t2i', scores.T, alone.T, early.T, itm.T, text_image, numbers),
    ):
        ranks, first_ranks, itc_ranks = [], [], []
        for query, wanted in enumerate(query_image):
            by_itc = sorted(range(len(candidate_image)), key=lambda c: -itc[query, c])
            order = sorted(by_itc[:m], key=lambda c: -base[query, c]) + by_itc[m:]
            short, rest = order[:k], order[k:]
            if full_k is not None:
                short.sort(key=lambda c: -(base[query, c] + itm_weight * first[query, c]))
                short, rest = short[:full_k], short[full_k:] + rest
            final = sorted(short, key=lambda c: -(base[query, c] + itm_weight * extra[query, c])) + rest
            for store, ordered in ((itc_ranks, by_itc), (first_ranks, order), (ranks, final)):
                wrong_ahead = 0
                for candidate in ordered:
                    if candidate_image[candidate] == wanted:
                        break
                    wrong_ahead += 1
                store.append(wrong_ahead + 1)
        prefixes = ('retrieval', 'retrieval_shortlist', 'retrieval_itc')
        for prefix, values in zip(prefixes, (ranks, first_ranks, itc_ranks), strict=True):
            values = np.array(values)
            for top in (1, 5, 10):
                result[f'{prefix}/{name}_R{top}'] = 100 * np.mean(values <= top)
            result[f'{prefix}/{name}_meanR'] = values.mean()
            result[f'{prefix}/{name}_medR'] = np.median(values)
    return result


@pytest.mark.parametrize('k', [1, 4, 10_000])
@pytest.mark.parametrize('itm_weight', [0.0, 1.0, 3.0])
def test_agrees_with_the_slow_way(k, itm_weight):
    samples = fake_samples()
    metrics = RetrievalEvaluator(k=k, itm_weight=itm_weight).run(FakeModel(), fake_loader(samples))
    assert metrics == pytest.approx(by_hand(samples, k, itm_weight))


@pytest.mark.parametrize(('m', 'k', 'full_k'), [(9, 4, None), (None, 8, 3), (6, 6, 1), (20, 5, 5)])
def test_the_cascade_agrees_with_the_slow_way(m, k, full_k):
    samples, model = fake_samples(), FakeModel()
    metrics = RetrievalEvaluator(k=k, m=m, full_k=full_k).run(model, fake_loader(samples))
    assert metrics == pytest.approx(by_hand(samples, k, 1.0, m or 10_000, full_k))
    small = RetrievalEvaluator(k=k, m=m, full_k=full_k, image_chunk=1, text_chunk=3, pair_chunk=2)
    assert small.run(FakeModel(), fake_loader(samples, batch_size=1)) == pytest.approx(metrics)


def test_a_cascade_of_all_candidates_is_the_full_computation():
    samples = fake_samples()
    texts = sum(len(own) for _, _, own in samples)
    wanted = RetrievalEvaluator(k=texts).run(FakeModel(), fake_loader(samples))
    for m, k, full_k in ((texts, texts, texts), (10_000, 10_000, 10_000), (texts, texts, None)):
        assert RetrievalEvaluator(k=k, m=m, full_k=full_k).run(FakeModel(), fake_loader(samples)) == wanted


def test_the_cascade_scores_few_pairs():
    samples, model = fake_samples(), FakeModel()
    asked = []
    score = model.shortlist_scores
    model.shortlist_scores = lambda image, text: asked.append(len(image) * len(text)) or score(image, text)
    RetrievalEvaluator(k=2, m=3, full_k=1).run(model, fake_loader(samples))
    images, texts = 12, sum(len(own) for _, _, own in samples)
    assert sum(asked) <= 3 * (images + texts) < images * texts
    assert model.scored_pairs <= 3 * (images + texts)


def test_weight_zero_or_a_full_shortlist_behave():
    samples = fake_samples()
    metrics = RetrievalEvaluator(k=3, itm_weight=0).run(FakeModel(), fake_loader(samples))
    for key in ('i2t_R1', 't2i_R5', 'i2t_meanR', 't2i_medR'):
        assert metrics[f'retrieval/{key}'] == metrics[f'retrieval_shortlist/{key}']
    changed = RetrievalEvaluator(k=3, itm_weight=5).run(FakeModel(), fake_loader(samples))
    assert changed['retrieval/t2i_meanR'] != changed['retrieval_shortlist/t2i_meanR']


def test_chunks_do_not_change_results(monkeypatch):
    samples = fake_samples()
    wanted = RetrievalEvaluator(k=5).run(FakeModel(), fake_loader(samples))
    small = RetrievalEvaluator(k=5, image_chunk=1, text_chunk=3, pair_chunk=2)
    monkeypatch.setattr('slan_mm.evaluation.gallery.TEXT_BATCH', 4)
    monkeypatch.setattr('slan_mm.evaluation.rerank.SCORES_AT_ONCE', 7)
    assert small.run(FakeModel(), fake_loader(samples, batch_size=1)) == pytest.approx(wanted)


def test_everything_is_encoded_once_and_a_pair_of_both_shortlists_scored_once():
    samples, model = fake_samples(), FakeModel()
    texts = sum(len(own) for _, _, own in samples)
    RetrievalEvaluator(k=10_000).run(model, fake_loader(samples))
    assert (model.encoded_images, model.encoded_texts) == (len(samples), texts)
    assert model.scored_pairs == len(samples) * texts


def test_fast_leaves_itm_out():
    samples, model = fake_samples(), FakeModel()
    metrics = RetrievalEvaluator(fast=True).run(model, fake_loader(samples))
    assert model.scored_pairs == 0
    full = RetrievalEvaluator().run(model, fake_loader(samples))
    assert metrics == {key: value for key, value in full.items() if not key.startswith('retrieval/')}
    assert len(metrics) == 20


def test_samples_of_one_image_are_joined_and_repeats_dropped():
    grouped = [('a', 0, ['12', '345']), ('b', 1, ['67', '8']), ('c', 2, ['90'])]
    single = [('a1', 0, '12'), ('b1', 1, '67'), ('c', 2, '90'), ('a2', 0, '345'), ('b2', 1, '8'), ('a1', 0, '12')]
    model = FakeModel()
    metrics = RetrievalEvaluator().run(model, fake_loader(single, batch_size=2))
    assert (model.encoded_images, model.encoded_texts) == (3, 5)
    assert metrics == pytest.approx(RetrievalEvaluator().run(FakeModel(), fake_loader(grouped)))


def test_a_model_that_says_the_same_of_all_gets_no_credit():
    model = FakeModel()
    model.shortlist_scores = lambda image, text: torch.zeros(len(image), len(text))
    model.itm_scores = lambda image, text, pairs: torch.zeros(len(pairs))
    metrics = RetrievalEvaluator().run(model, fake_loader(fake_samples()))
    assert metrics['retrieval/t2i_R1'] == metrics['retrieval_shortlist/t2i_R1'] == 0
    assert metrics['retrieval/t2i_medR'] == 12


def test_half_precision_store():
    samples, model = fake_samples(), FakeModel()
    model.shortlist_scores, seen = _record_dtype(model.shortlist_scores)
    metrics = RetrievalEvaluator(store_dtype='float16').run(model, fake_loader(samples))
    assert seen == {torch.float32}
    wanted = RetrievalEvaluator().run(FakeModel(), fake_loader(samples))
    assert metrics['retrieval/t2i_meanR'] == pytest.approx(wanted['retrieval/t2i_meanR'], abs=0.5)


def _record_dtype(function):
    seen = set()

    def wrapped(image, text):
        seen.update((image.vector.dtype, text.words.dtype))
        return function(image, text)

    return wrapped, seen


def test_rankings_are_kept_for_pictures():
    evaluator = RetrievalEvaluator(k=4)
    metrics = evaluator.run(FakeModel(), fake_loader(fake_samples()))
    assert evaluator.i2t.shortlist.shape == (12, 4)
    hits = evaluator.gallery.text_image[evaluator.i2t.shortlist[:, 0]] == np.arange(12)
    assert 100 * hits.mean() == pytest.approx(metrics['retrieval/i2t_R1'])
    assert len(evaluator.gallery.images) == 0 and evaluator.gallery.image_ids[0] == 'image0'


def test_protocol_is_logged(monkeypatch):
    lines = []
    monkeypatch.setattr('slan_mm.evaluation.retrieval_evaluator.print_log', lambda line, logger: lines.append(line))
    RetrievalEvaluator(k=1000).run(FakeModel(), fake_loader(fake_samples()))
    (line,) = lines
    assert 'Fakes val, 12 images, 24 texts' in line and 'shortlist of 24 texts / 12 images (k = 1000)' in line


def test_protocol_tells_the_setting_and_what_is_retrieved(monkeypatch):
    lines = []
    monkeypatch.setattr('slan_mm.evaluation.retrieval_evaluator.print_log', lambda line, logger: lines.append(line))
    RetrievalEvaluator(k=5, setting='zero-shot', items='videos').run(FakeModel(), fake_loader(fake_samples()))
    (line,) = lines
    assert 'Fakes val, zero-shot, 12 videos, 24 texts (2.00 for each)' in line
    assert 'shortlist of 5 texts / 5 videos (k = 5)' in line


def test_training_mode_is_restored():
    model = FakeModel().train()
    RetrievalEvaluator(fast=True).run(model, fake_loader(fake_samples()))
    assert model.training


def test_errors():
    model = FakeModel()
    with pytest.raises(ValueError, match='at least 1'):
        RetrievalEvaluator(k=0)
    for options in (dict(m=3, k=4), dict(full_k=5, k=4), dict(choose_weights=True, k=4, m=8)):
        with pytest.raises(ValueError, match='m must be at least k|full_k must be at most k|leave m and full_k out'):
            RetrievalEvaluator(**options)
    with pytest.raises(ValueError, match='int8'):
        RetrievalEvaluator(store_dtype='int8')
    with pytest.raises(ValueError, match="'lonely' has no text"):
        RetrievalEvaluator().run(model, fake_loader([('lonely', 0, [])]))
    model.itm_scores = lambda image, text, pairs: torch.full((len(pairs),), torch.nan)
    with pytest.raises(ValueError, match='ITM scores are NaN'):
        RetrievalEvaluator().run(model, fake_loader(fake_samples()))
    model.shortlist_scores = lambda image, text: torch.full((len(image), len(text)), torch.nan)
    with pytest.raises(ValueError, match='shortlist scores are NaN'):
        RetrievalEvaluator().run(model, fake_loader(fake_samples()))


def test_is_registered():
    assert isinstance(EVALUATOR.build({'type': 'RetrievalEvaluator', 'k': 3}), RetrievalEvaluator)


def on_a_rank(rank):
    samples, model = fake_samples(13), FakeModel()  # 13 does not divide by 2: one rank gets a repeated sample
    loader = fake_loader(samples)
    loader = fake_loader(samples, sampler=DefaultSampler(loader.dataset, shuffle=False))
    metrics = RetrievalEvaluator(k=4, m=6, full_k=2).run(model, loader)
    return metrics, model.encoded_images, model.encoded_texts


def test_two_ranks_share_the_work_and_agree_with_one(tmp_path):
    wanted = RetrievalEvaluator(k=4, m=6, full_k=2).run(FakeModel(), fake_loader(fake_samples(13)))
    for rank, (metrics, images, texts) in enumerate(run_ranks(on_a_rank, 2, tmp_path)):
        assert metrics == pytest.approx(wanted)
        # 13 images and one repeat; 25 texts in runs of 13 and 12.
        assert (images, texts) == (7, 13 - rank)
