"""The captioner: it learns, and what it says of a picture depends on nothing else."""

import pytest
import torch
from support.toy import TEXTS, toy_batch
from support.writing import build_writer, overfit


@pytest.fixture(scope='module')
def trained():
    model = build_writer('SLANCaptioner').train()
    losses = overfit(model, toy_batch(), 'loss_caption', 56)
    return model.eval(), losses


def captions_of(model, indices):
    return [(sample.pred_caption, sample.pred_score) for sample in model.test_step(toy_batch(indices))]


def test_it_learns_a_batch_and_says_it_by_beam_search(trained):
    model, losses = trained
    assert losses[-1] < 0.3 * losses[0]
    said = [caption for caption, _ in captions_of(model, (0, 1, 2, 3))]
    assert sum(caption == text for caption, text in zip(said, TEXTS, strict=False)) >= 3


def test_a_caption_does_not_depend_on_its_batch(trained):
    model, _ = trained
    together = captions_of(model, (0, 1, 2, 3))
    for order in ((3, 1, 0, 2), (2,), (0, 2)):
        for index, (caption, score) in zip(order, captions_of(model, order), strict=True):
            assert caption == together[index][0]
            assert score == pytest.approx(together[index][1], abs=1e-4)


def test_a_prediction_reads_no_caption(trained):
    model, _ = trained
    batch = toy_batch((0, 1))
    for sample in batch['data_samples']:
        del sample.text
    assert [s.pred_caption for s in model.test_step(batch)] == [caption for caption, _ in captions_of(model, (0, 1))]


def test_only_the_caption_is_taught():
    """The loss is the mean cross-entropy of the caption's tokens and the end, each given all that stands before it."""
    model = build_writer('SLANCaptioner').eval()
    data = model.data_preprocessor(toy_batch((0, 1)), False)
    with torch.no_grad():
        memory = model.remember(**data)
        loss = model.loss(**data)['loss_caption']
        total, count = 0.0, 0
        for row in range(2):
            words = model.tokenize([f'a picture of {TEXTS[row]}']).input_ids
            start = len(model.decoder.start)
            for place in range(start, words.shape[1]):
                logits = model.decoder.bert(
                    input_ids=words[:, :place],
                    encoder_hidden_states=memory.tokens[row : row + 1],
                    encoder_attention_mask=memory.mask[row : row + 1].long(),
                ).logits[0, -1]
                total -= logits.log_softmax(-1)[words[0, place]]
                count += 1
    torch.testing.assert_close(loss, total / count, atol=1e-5, rtol=1e-5)


def test_a_caption_fits_its_own_picture_best(trained):
    model, _ = trained
    data = model.data_preprocessor(toy_batch(), False)
    with torch.no_grad():
        memory = model(**data, mode='tensor')
        scores = torch.stack([model.decoder.log_probs(memory, [text] * 4) for text in TEXTS[:4]])
    assert scores.argmax(1).tolist() == [0, 1, 2, 3]


def test_every_part_of_the_base_model_that_the_memory_holds_is_trained():
    model = build_writer('SLANCaptioner').train()
    model(**model.data_preprocessor(toy_batch(), True), mode='loss')['loss_caption'].backward()
    for name in ('image_branch.encoder', 'image_branch.decoder', 'locator.adaptors.1', 'text_branch.encoder', 'memory'):
        gradients = [value.grad for key, value in model.named_parameters() if key.startswith(name)]
        assert any(gradient is not None and gradient.abs().sum() > 0 for gradient in gradients), name


def test_a_pre_training_checkpoint_is_its_start():
    from support.toy import build_toy_slan

    model = build_writer('SLANCaptioner', seed=1)
    missing, unexpected = model.load_state_dict(build_toy_slan().state_dict(), strict=False)
    assert all(name.startswith(('decoder.', 'memory.')) for name in missing)
    assert all(name.startswith('objective.') for name in unexpected)


def test_bad_settings():
    with pytest.raises(ValueError, match='needs a prompt'):
        build_writer('SLANCaptioner', prompt=' ')
    model = build_writer('SLANCaptioner')
    with pytest.raises(ValueError, match="mode must be 'loss'"):
        model(torch.zeros(1, 3, 32, 32), [], mode='train')
    batch = toy_batch((0,))
    batch['data_samples'][0].set_field('', 'text')
    with pytest.raises(ValueError, match='it has no token'):
        model(**model.data_preprocessor(batch, True), mode='loss')
