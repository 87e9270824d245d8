"""EarlyExitSLAN: the head of the early exit alone learns, and the cascade asks it."""

import pytest
import torch
from mmengine.runner.checkpoint import load_state_dict
from support.toy import TEXTS, build_toy_slan, toy_batch, toy_config, toy_losses

from slan_mm.pair_index import PairIndex


def build(**overrides):
    return build_toy_slan(config=toy_config(type='EarlyExitSLAN', objective__early_itm=dict(), **overrides))


@torch.no_grad()
def itm_scores(model, levels=None):
    model.eval()
    batch = model.data_preprocessor(toy_batch(range(3)), False)
    image, text = model.encode_image(batch['inputs']), model.encode_text(list(TEXTS[:3]))
    return model.itm_scores(image, text, PairIndex.all_pairs(3, 3), levels)


def test_the_head_of_the_exit_alone_learns_to_match():
    model, batch = build(objective__weights=dict(rerank=1.0)), toy_batch(range(4))
    before, full = model.state_dict(), itm_scores(model)
    before = {name: value.clone() for name, value in before.items()}
    optimizer = torch.optim.AdamW([value for value in model.parameters() if value.requires_grad], lr=1e-2)
    model.train()
    losses = []
    for _ in range(30):
        logged = toy_losses(model, batch)
        assert set(logged) == {'loss_itm', 'itm_accuracy', 'loss_rerank'}
        loss = logged['loss_itm'] + logged['loss_rerank']
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert sum(losses[-5:]) < 0.7 * sum(losses[:5])
    changed = {name for name, value in model.state_dict().items() if not torch.equal(value, before[name])}
    head = {f'objective.early_itm_head.{name}' for name, _ in model.objective.early_itm_head.named_parameters()}
    assert changed == head | {'objective.iteration'}
    assert torch.equal(itm_scores(model), full)


def test_the_exit_is_judged_by_its_head_and_later_levels_by_the_last():
    model = build()
    model.objective.early_itm_head.word_score[-1].bias.data += 100
    shared = build_toy_slan(config=toy_config()).eval()
    load_state_dict(shared, model.state_dict(), strict=True)
    assert (itm_scores(model, 1) - itm_scores(shared, 1)).min() > 50
    for levels in (2, None):
        torch.testing.assert_close(itm_scores(model, levels), itm_scores(shared, levels))


def test_without_its_own_weights_the_head_is_that_of_the_last_level():
    shared, model = build_toy_slan(seed=3).eval(), build()
    load_state_dict(model, shared.state_dict(), strict=True)
    for levels in (1, None):
        torch.testing.assert_close(itm_scores(model, levels), itm_scores(shared, levels))


def test_momentum_encoders_are_left_out_where_nothing_is_trained():
    trained = build_toy_slan(seed=3, objective__momentum=0.9)
    model = build_toy_slan(config=toy_config())
    assert any('objective.momentum.' in name for name in trained.state_dict())
    load_state_dict(model, trained.state_dict(), strict=True)
    torch.testing.assert_close(itm_scores(model), itm_scores(trained))


def test_another_kind_of_head_stays_fresh_without_its_own_weights():
    model = build_toy_slan(config=toy_config(objective__early_itm=dict(type='LiteralITMHead')))
    fresh = model.objective.early_itm_head.classifier.weight.clone()
    load_state_dict(model, build_toy_slan(seed=3).state_dict(), strict=False)
    assert torch.equal(model.objective.early_itm_head.classifier.weight, fresh)


def test_what_is_frozen_is_in_evaluation_mode():
    model = build().train()
    assert model.training and model.objective.early_itm_head.training
    assert not any(part.training for part in (*model.locator.modules(), *model.image_branch.modules()))
    assert not any(part.training for part in build(objective__similarity={}).train().objective.similarity.modules())


def test_plain_slan_leaves_the_head_alone():
    model = build_toy_slan(config=toy_config(objective__early_itm=dict())).train()
    sum(value for name, value in toy_losses(model, toy_batch()).items() if name.startswith('loss_')).backward()
    lacking = {name for name, value in model.named_parameters() if value.requires_grad and value.grad is None}
    assert not [name for name in lacking if 'early_itm' in name]


def test_there_must_be_an_early_head_and_a_later_level():
    with pytest.raises(ValueError, match='set model.objective.early_itm'):
        build_toy_slan(config=toy_config(type='EarlyExitSLAN'))
    adaptors = toy_config()['locator']['adaptors'][:1]
    with pytest.raises(ValueError, match='saves nothing: locator.adaptors has 1 levels'):
        build(locator__adaptors=adaptors)
