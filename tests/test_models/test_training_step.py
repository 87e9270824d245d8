"""What a training step does once: tokenise its texts; and what momentum encoders are asked for."""

import pytest
import torch
from support.toy import build_toy_slan, toy_batch, toy_losses


def test_a_step_tokenises_each_text_once(monkeypatch):
    model = build_toy_slan(objective__momentum=0.9)
    encoder, seen = model.text_branch.encoder, []
    tokenize = encoder.tokenize
    monkeypatch.setattr(encoder, 'tokenize', lambda texts: seen.append(list(texts)) or tokenize(texts))
    batch = toy_batch()
    losses = toy_losses(model.train(), batch)
    assert {'loss_lm', 'loss_itm', 'loss_itc'} <= losses.keys()
    assert seen == [[sample.text for sample in batch['data_samples']]]


@pytest.mark.parametrize('embedding', [None, dict(type='AttentionPooling', num_heads=2, head_dims=4)])
def test_the_embedding_of_regions_that_are_found_is_that_of_all_features(embedding):
    model = build_toy_slan(image__embedding=embedding).eval()
    inputs = model.data_preprocessor(toy_batch(), False)['inputs']
    branch = model.image_branch.for_embedding()
    with torch.no_grad():
        image = model.encode_image(inputs)
        torch.testing.assert_close(branch(inputs, found=(image.boxes, image.saliency)), image.embedding)
    # The branch itself is whole.
    assert branch.detector is None and model.image_branch.detector is not None


def test_texts_and_their_masked_copies_are_encoded_together():
    model, passes = build_toy_slan(), []
    model.text_branch.encoder.backbone.register_forward_hook(lambda *_: passes.append(1))
    assert toy_losses(model.train(), toy_batch())['loss_lm'] > 0
    assert passes == [1]


def test_contrast_alone_reads_the_finest_level():
    """Region-word terms compare the regions of every level, so none can be left out before the locator's start."""
    model = build_toy_slan(objective__locator_start=2)
    losses = toy_losses(model.train(), toy_batch())
    assert losses['loss_lm'] == 0
    losses['loss_region_word_lexical'].backward()
    for level in model.image_branch.decoder.levels:
        assert any(parameter.grad.abs().max() > 0 for parameter in level.parameters())
