"""NLVR: one path to both pictures, invariances, and that it learns."""

import copy

import pytest
import torch
from support.tasks import build_toy_nlvr, nlvr_batch
from support.toy import build_toy_slan

CLOSE = dict(atol=2e-5, rtol=1e-4)


@pytest.fixture(scope='module')
def model():
    return build_toy_nlvr().eval()


def scores(model, batch):
    return torch.stack([sample.pred_score for sample in model.val_step(batch)])


def test_predictions(model):
    samples = model.val_step(nlvr_batch())
    for sample in samples:
        assert sample.pred_score.shape == (2,) and sample.pred_score.sum() == pytest.approx(1, abs=1e-5)
        assert sample.pred_label.tolist() == [int(sample.pred_score.argmax())]
    assert (scores(model, nlvr_batch([0])) - scores(model, nlvr_batch([1]))).abs().max() > 1e-4


def test_predictions_are_the_same_in_every_batch_order_and_padding(model):
    together = scores(model, nlvr_batch(range(4)))
    for index in range(4):  # texts of different length: alone there is no padding
        torch.testing.assert_close(scores(model, nlvr_batch([index])), together[index : index + 1], **CLOSE)
    torch.testing.assert_close(scores(model, nlvr_batch([2, 0, 3, 1])), together[[2, 0, 3, 1]], **CLOSE)


@torch.no_grad()
def test_both_pictures_are_located_by_the_shared_path(model):
    data = model.data_preprocessor(nlvr_batch())
    sentences = [sample.text for sample in data['data_samples']]
    for side, located in enumerate(model.locate_sides(data['inputs'], sentences)):
        expected = model.locate(model.encode_image(data['inputs'][:, side]), model.encode_text(sentences))
        torch.testing.assert_close(located.boxes[-1], expected.boxes[-1], **CLOSE)
        torch.testing.assert_close(located.vision_cls, expected.vision_cls, **CLOSE)
        torch.testing.assert_close(located.words, expected.words, **CLOSE)


def test_swapped_pictures_are_another_question(model):
    batch = nlvr_batch()
    swapped = copy.deepcopy(batch)
    swapped['inputs'] = [pictures.flip(0) for pictures in swapped['inputs']]
    assert (scores(model, batch) - scores(model, swapped)).abs().max() > 1e-4


def test_a_pre_training_checkpoint_fills_all_but_the_head():
    model = build_toy_nlvr(seed=1)
    keys = model.load_state_dict(build_toy_slan().state_dict(), strict=False)
    assert keys.missing_keys and all(name.startswith('head.') for name in keys.missing_keys)
    assert all(name.startswith('objective.') for name in keys.unexpected_keys)


def test_bad_input(model):
    batch = model.data_preprocessor(nlvr_batch())
    with pytest.raises(ValueError, match='two pictures a sample'):
        model(batch['inputs'][:, 0], batch['data_samples'])
    with pytest.raises(ValueError, match='two pictures a sample'):
        model(batch['inputs'].repeat(1, 2, 1, 1, 1), batch['data_samples'])
    with pytest.raises(ValueError, match="got 'train'"):
        model(**batch, mode='train')
    assert model(**batch).shape == (4, 2)


def test_overfits_a_fixed_batch():
    model, batch = build_toy_nlvr().train(), nlvr_batch(range(8))
    data = model.data_preprocessor(batch, True)
    optimizer = torch.optim.AdamW(model.parameters(), lr=5e-3)
    history = []
    for _ in range(20):
        loss, log = model.parse_losses(model(**data, mode='loss'))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        history.append(float(log['loss_nlvr']))
    assert history[-1] < 0.2 * history[0]
    assert {'loss_nlvr', 'loss_reg', 'accuracy', 'loss'} == set(log)
    predicted = scores(model.eval(), batch).argmax(1)
    assert predicted.tolist() == [index % 2 for index in range(8)]
