"""What a training step does once: tokenise its texts; and what momentum encoders are asked for."""

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


def test_the_embedding_alone_is_that_of_all_features():
    model = build_toy_slan().eval()
    inputs = model.data_preprocessor(toy_batch(), False)['inputs']
    with torch.no_grad():
        torch.testing.assert_close(
            model.image_branch(inputs, embedding_only=True), model.encode_image(inputs).embedding
        )
