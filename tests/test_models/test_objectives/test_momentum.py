"""Momentum encoders follow the model and feed ITC."""

import torch
from support.toy import build_toy_slan, toy_batch, toy_losses


def test_momentum_encoders_follow_the_model():
    model = build_toy_slan(objective__momentum=0.75)
    average, branch = model.objective.momentum[0].module, model.image_branch
    toy_losses(model, toy_batch())
    old = branch.itc_projection.weight.detach().clone()
    torch.testing.assert_close(average.itc_projection.weight, old)  # starts as a copy
    with torch.no_grad():
        branch.itc_projection.weight += 1.0
    toy_losses(model, toy_batch())
    torch.testing.assert_close(average.itc_projection.weight, 0.75 * old + 0.25 * (old + 1))
    model.eval()
    toy_losses(model, toy_batch())
    torch.testing.assert_close(average.itc_projection.weight, old + 0.25)
    assert not any(p.requires_grad for p in model.objective.momentum.parameters())


def test_momentum_encoders_survive_a_move():
    """To another device or precision, after which a module's tensors are others than when it was built."""
    model = build_toy_slan(objective__momentum=0.75)
    with torch.no_grad():
        model.image_branch.itc_projection.weight += 1.0
    model.double().float()
    toy_losses(model, toy_batch())
    average = model.objective.momentum[0].module
    torch.testing.assert_close(average.itc_projection.weight, model.image_branch.itc_projection.weight)


def test_momentum_embeddings_feed_itc():
    model = build_toy_slan(objective__momentum=0.5, objective__itc=dict(queue_size=4))
    toy_losses(model, toy_batch())
    with torch.no_grad():
        for parameter in model.image_branch.itc_projection.parameters():
            parameter.normal_()
    losses = toy_losses(model, toy_batch())
    data = model.data_preprocessor(toy_batch())
    with torch.no_grad():
        slow = model.objective.momentum[0](data['inputs']).embedding
        fast = model.encode_image(data['inputs']).embedding
    queued = model.objective.itc.queue.content()[0]
    torch.testing.assert_close(queued, slow)
    assert (queued - fast).abs().max() > 1e-2 and losses['loss_itc'].isfinite()
