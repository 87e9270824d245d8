"""An evaluation that was interrupted goes on from its store, and gives the metrics of one that was not."""

import json

import pytest
import torch
from mmengine.dataset import DefaultSampler
from support.processes import run_ranks
from support.retrieval_fakes import FakeModel, fake_loader, fake_samples

from slan_mm.evaluation import RetrievalEvaluator
from slan_mm.feature_store import FeatureStoreError
from slan_mm.folder_lock import FolderInUseError, FolderLock


@pytest.fixture
def options(tmp_path, monkeypatch):
    """Chunks so small that every phase can be interrupted between two of them."""
    monkeypatch.setattr('slan_mm.evaluation.evaluation_store.MARK_SECONDS', 0)
    monkeypatch.setattr('slan_mm.evaluation.gallery.TEXT_BATCH', 4)
    return dict(k=5, image_chunk=2, pair_chunk=4, store=str(tmp_path / 'store'))


def evaluate(options, model=None, samples=None, run_config=None):
    evaluator = RetrievalEvaluator(**options)
    evaluator.run_config = run_config
    return evaluator.run(model or FakeModel(), fake_loader(samples or fake_samples()))


def interrupt(model, method, after):
    """Has the call number ``after`` of a method end as Ctrl-C would end it."""
    function, calls = getattr(model, method), []

    def wrapped(*arguments, **options):
        calls.append(method)
        if len(calls) == after:
            raise KeyboardInterrupt
        return function(*arguments, **options)

    setattr(model, method, wrapped)


def test_metrics_are_those_without_a_store(options):
    wanted = evaluate(dict(k=5))
    assert evaluate(options) == wanted
    again = FakeModel()
    assert evaluate(options, again) == wanted
    assert (again.encoded_images, again.encoded_texts, again.scored_pairs) == (0, 0, 0)


def test_half_precision_on_disk_is_half_precision_in_memory(options):
    in_memory = evaluate(dict(k=5, store_dtype='float16'))
    assert evaluate({**options, 'store_dtype': 'float16'}) == in_memory


@pytest.mark.parametrize('cascade', [dict(k=5), dict(k=5, m=7, full_k=2)])
@pytest.mark.parametrize('method', ['encode_image', 'encode_text', 'itc_scores', 'shortlist_scores', 'itm_scores'])
def test_an_interrupted_evaluation_goes_on(options, method, cascade):
    options |= cascade
    wanted, whole = evaluate(cascade), FakeModel()
    evaluate(cascade, whole)
    first = FakeModel()
    interrupt(first, method, after=3)
    with pytest.raises(KeyboardInterrupt):
        evaluate(options, first)
    second = FakeModel()
    assert evaluate(options, second) == wanted
    assert first.encoded_images + second.encoded_images == whole.encoded_images
    assert first.encoded_texts + second.encoded_texts == whole.encoded_texts
    assert first.scored_pairs + second.scored_pairs == whole.scored_pairs
    assert first.encoded_images > 0 and second.scored_pairs > 0


@pytest.mark.parametrize('batch_size', [4, 3, 2])
def test_features_whose_samples_were_not_written_any_more_are_made_anew(options, tmp_path, batch_size):
    wanted = evaluate(options)
    path = tmp_path / 'store' / 'rank0' / 'samples.jsonl'
    path.write_text(path.read_text()[:-20])
    model = FakeModel()
    # Which images they are of depends on the size of the batches.
    again = RetrievalEvaluator(**options).run(model, fake_loader(fake_samples(), batch_size=batch_size))
    assert again == wanted and 0 < model.encoded_images <= 5
    assert evaluate(options, FakeModel()) == wanted


def test_another_k_takes_the_features_and_scores_other_pairs(options):
    evaluate(options)
    model = FakeModel()
    assert evaluate({**options, 'k': 3}, model) == evaluate(dict(k=3))
    assert (model.encoded_images, model.encoded_texts) == (0, 0) and model.scored_pairs > 0


def other_weights():
    model = FakeModel()
    torch.nn.init.zeros_(model.words)
    return model


@pytest.mark.parametrize(
    ('changed', 'said'),
    [
        (dict(model=other_weights), 'other weights of the model than'),
        (dict(run_config={'model': {'top': 8}}), 'other config of the model'),
        (dict(samples=fake_samples(11)), 'other samples, texts or pictures'),
        (dict(samples=[(0, 0, ['999']), *fake_samples()[1:]]), 'other samples, texts or pictures'),
        (dict(store_dtype='float16'), 'other precision'),
    ],
)
def test_a_store_of_something_else_is_refused(options, changed, said):
    evaluate(options, run_config={'model': {'top': 20}})
    changed = {'run_config': {'model': {'top': 20}}, **changed}
    if 'model' in changed:
        changed['model'] = changed['model']()
    if 'store_dtype' in changed:
        options['store_dtype'] = changed.pop('store_dtype')
    with pytest.raises(FeatureStoreError, match=f'{said}.*[\\s\\S]*Remove it'):
        evaluate(options, **changed)


def test_a_damaged_store_is_refused(options, tmp_path):
    evaluate(options)
    folder = tmp_path / 'store' / 'rank0'
    file = folder / 'images' / '000001.safetensors'
    whole = file.read_bytes()
    file.write_bytes(whole[:-10])
    with pytest.raises(FeatureStoreError, match=r'000001\.safetensors is missing or damaged'):
        evaluate(options)
    file.unlink()
    with pytest.raises(FeatureStoreError, match='lacks features of 7 images'):
        evaluate(options)
    (folder / 'store.json').write_text('{')
    with pytest.raises(FeatureStoreError, match=r'store\.json is damaged'):
        evaluate(options)
    (folder / 'store.json').unlink()
    with pytest.raises(FeatureStoreError, match='holds something else'):
        evaluate(options)


def test_flipped_bits_change_no_metric(options, tmp_path):
    wanted, outcomes = evaluate(options), set()
    folder = tmp_path / 'store' / 'rank0'
    for name in ('images/000001.safetensors', 'texts/000000.safetensors', 'itc/scores.bin', 'samples.jsonl'):
        content = (folder / name).read_bytes()
        damaged = bytearray(content)
        damaged[-8] ^= 0x40
        (folder / name).write_bytes(damaged)
        try:
            assert evaluate(options) == wanted
            outcomes.add('computed again')
        except FeatureStoreError as error:
            outcomes.add('damaged' if 'damaged' in str(error) else str(error))
        (folder / name).write_bytes(content)
    assert outcomes == {'computed again', 'damaged'}


def test_two_evaluations_do_not_share_a_store(options, tmp_path):
    evaluate(options)
    with FolderLock(tmp_path / 'store' / 'rank0'), pytest.raises(FolderInUseError, match='rank0 is being changed by'):
        evaluate(options)


def test_features_beyond_half_precision_are_refused(options):
    model = FakeModel()
    with torch.no_grad():
        model.images *= 1e5
    with pytest.raises(FeatureStoreError, match=r'FakeImages\.vector is not finite as torch\.float16'):
        evaluate({**options, 'store_dtype': 'float16'}, model)


def on_rank(rank, folder):
    loader = fake_loader(fake_samples(13))
    loader = fake_loader(fake_samples(13), sampler=DefaultSampler(loader.dataset, shuffle=False))
    results = []
    for _ in range(2):
        model = FakeModel()
        metrics = RetrievalEvaluator(k=4, store=f'{folder}/store').run(model, loader)
        results.append((metrics, model.encoded_images + model.encoded_texts + model.scored_pairs))
    torch.distributed.barrier()
    if rank == 1:
        (folder / 'store' / 'rank1' / 'store.json').write_text(json.dumps({'weights': 'of another'}))
    try:
        RetrievalEvaluator(k=4, store=f'{folder}/store').run(FakeModel(), loader)
    except FeatureStoreError as error:
        results.append(str(error))
    return results


def test_ranks_keep_their_own_parts_and_refuse_together(tmp_path):
    wanted = evaluate(dict(k=4), samples=fake_samples(13))
    for first, second, refusal in run_ranks(on_rank, 2, tmp_path, tmp_path):
        assert first[0] == pytest.approx(wanted) and second[0] == pytest.approx(wanted)
        assert first[1] > 0 and second[1] == 0
        assert 'rank1 was made with other' in refusal
