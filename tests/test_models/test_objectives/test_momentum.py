"""Momentum encoders follow the model and feed ITC."""

import copy

import pytest
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
        image = model.encode_image(data['inputs'])
        slow = model.objective.momentum[0](data['inputs'], found=(image.boxes, image.saliency))
        fast = image.embedding
    queued = model.objective.itc.queue.content()[0]
    torch.testing.assert_close(queued, slow)
    assert (queued - fast).abs().max() > 1e-2 and losses['loss_itc'].isfinite()


def test_a_momentum_encoder_detects_nothing_itself():
    """It embeds the regions that the branch has found, and so needs neither detector nor vision decoder."""
    model = build_toy_slan(objective__momentum=0.75)
    copied = {name.split('.', 1)[0] for name, _ in model.objective.momentum[0].module.named_parameters()}
    assert copied == {'encoder', 'region_projection', 'itc_projection', 'spaces'}
    asked = []
    model.image_branch.detector.register_forward_hook(lambda *_: asked.append(1))
    toy_losses(model, toy_batch())
    assert asked == [1]


def test_a_checkpoint_whose_momentum_encoder_has_a_detector_loads():
    model = build_toy_slan(objective__momentum=0.75)
    toy_losses(model, toy_batch())
    earlier, prefix = model.state_dict(), 'objective.momentum.0.module.'
    for name, value in model.image_branch.state_dict().items():
        earlier.setdefault(prefix + name, value)
    assert any(name.startswith(f'{prefix}detector.') for name in earlier)
    other = build_toy_slan(seed=1, objective__momentum=0.75)
    other.load_state_dict(copy.deepcopy(earlier))
    for name, value in other.state_dict().items():
        assert torch.equal(value, earlier[name]), name


def test_branches_that_are_split_otherwise_are_refused():
    model = build_toy_slan(objective__momentum=0.75)
    other = build_toy_slan(itc_dims=6)
    with pytest.raises(ValueError, match='split otherwise'):
        model.objective.momentum[0].update_parameters(other.image_branch.for_embedding())
