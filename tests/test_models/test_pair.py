"""A SLAN that is added to an image-text pair: it starts as the pair, and gives the pair back."""

import pytest
import torch
from support.feature_store import fill, stored_and_read, write_pictures
from support.pair_models import LOG_SCALE, PAIRS, WIDTH, pair_config, pair_inputs, pixel_inputs, save_pair
from support.same_answers import assert_same_answers
from support.toy import build_toy_slan, toy_batch, toy_losses
from torch.nn.functional import cosine_similarity

from slan_mm.pair_index import PairIndex
from slan_mm.registry import MODELS

every = pytest.mark.parametrize('kind', PAIRS)


@pytest.fixture(scope='module')
def saved(tmp_path_factory):
    """The folder and the pair of a kind, saved once."""
    kept = {}

    def get(kind):
        if kind not in kept:
            folder = tmp_path_factory.mktemp(kind)
            kept[kind] = (folder, save_pair(kind, folder))
        return kept[kind]

    return get


@pytest.fixture
def slan(saved):
    """A SLAN around the pair of a kind, in evaluation mode, and that pair."""

    def build(kind, seed=0, **options):
        folder, pair = saved(kind)
        return build_toy_slan(seed, pair_config(kind, folder, **options)).eval(), pair

    return build


@torch.no_grad()
def encode(model, batch):
    """Images, their features, texts, their features."""
    inputs = model.data_preprocessor(batch, False)['inputs']
    texts = [sample.text for sample in batch['data_samples']]
    return inputs, model.encode_image(inputs), texts, model.encode_text(texts)


@torch.no_grad()
def pair_scores(pair, kind, inputs, texts):
    """(B, T) logits without the constant that SigLIP adds."""
    logits = pair(**pixel_inputs(kind, inputs), **pair_inputs(kind, texts)).logits_per_image
    return logits if kind == 'clip' else logits - pair.logit_bias


@every
def test_the_first_scores_are_the_pairs_own(slan, kind):
    model, pair = slan(kind)
    inputs, image, texts, text = encode(model, toy_batch(range(6)))
    expected = pair_scores(pair, kind, inputs, texts)
    assert expected.std() > 1
    torch.testing.assert_close(model.itc_scores(image, text), expected, atol=1e-4, rtol=0)
    model.train()
    assert model.objective.itc.temperature.log_scale.item() == pytest.approx(LOG_SCALE[kind], abs=1e-6)
    assert model.objective.itc.temperature().log().item() == pytest.approx(LOG_SCALE[kind], abs=1e-6)


@every
@torch.no_grad()
def test_the_first_maps_are_the_cosines_of_patches_and_words(slan, kind):
    model, pair = slan(kind)
    inputs, image, _, text = encode(model, toy_batch())
    output = pair.vision_model(*pixel_inputs(kind, inputs).values())
    if kind == 'clip':
        patches = pair.visual_projection(pair.vision_model.post_layernorm(output.last_hidden_state)[:, 1:])
    else:
        head = pair.vision_model.head
        # Of a single token attention takes the value.
        width = head.attention.embed_dim
        weight, bias = head.attention.in_proj_weight[-width:], head.attention.in_proj_bias[-width:]
        value = head.attention.out_proj(output.last_hidden_state @ weight.t() + bias)
        patches = value + head.mlp(head.layernorm(value))
    states = model.text_branch.encoder.extract(model.tokenize([s.text for s in toy_batch()['data_samples']]))
    words = (pair.text_projection if kind == 'clip' else pair.text_model.head)(states.contextual)
    expected = cosine_similarity(words[:, :, None], patches[:, None], dim=-1).unflatten(2, (4, 4))
    for level in (0, 1):
        cells = image.space_maps['lexical'][level]
        found = torch.einsum('tnc,tchw->tnhw', text.word_space['lexical'], cells)
        assert cells.shape[1] == WIDTH[kind] and found[0, :3].std() > 0.05
        if level == 0:  # as fine as the patches
            torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-4)
        activation = model.locator.activation(image, text, PairIndex.rows(text.words), level)
        torch.testing.assert_close(activation, found - found.mean((2, 3), keepdim=True))


@every
@torch.no_grad()
def test_the_value_path_changes_maps_alone(saved, slan, kind):
    folder, _ = saved(kind)
    values, _ = slan(kind, image__encoder__backbone=dict(type='PairBackbone', model=str(folder), value_path=True))
    usual, _ = slan(kind)
    (_, image, *_), (_, expected, *_) = (encode(model, toy_batch()) for model in (values, usual))
    torch.testing.assert_close(image.embedding, expected.embedding)
    assert not torch.allclose(image.space_maps['lexical'][0], expected.space_maps['lexical'][0], atol=1e-2)


@every
def test_gates_of_0_give_the_pair_back_after_training(slan, kind):
    model, _ = slan(kind)
    batch = toy_batch()
    _, image, _, text = encode(model, batch)
    before = image.embedding, text.embedding, image.space_maps['lexical'][0], text.word_space['lexical']
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-2)
    model.train()
    losses = []
    for _ in range(20):
        optimizer.zero_grad()
        log = toy_losses(model, batch)
        loss, _ = model.parse_losses(log)
        loss.backward()
        optimizer.step()
        losses.append(float(log['loss_itc']))
    model.eval()
    assert losses[-1] < 0.7 * losses[0]
    gates = {name: value for name, value in model.named_parameters() if name.endswith('.gate')}
    assert len(gates) == 4 and all(gate.abs() > 1e-3 for gate in gates.values())
    _, image, _, text = encode(model, batch)
    assert not torch.equal(before[0], image.embedding)
    with torch.no_grad():
        for gate in gates.values():
            gate.zero_()
        # ITC goes on learning the temperature, a common factor.
        model.objective.itc.temperature.log_scale.fill_(LOG_SCALE[kind])
    _, image, _, text = encode(model, batch)
    after = image.embedding, text.embedding, image.space_maps['lexical'][0], text.word_space['lexical']
    for old, new in zip(before, after, strict=True):
        assert torch.equal(old, new)
    assert torch.equal(model.itc_scores(image, text), before[0] @ before[1].t() * model.objective.itc.temperature())


@every
@pytest.mark.parametrize('frozen', [True, False])
def test_a_step_reaches_all_that_learns(slan, kind, frozen):
    model, _ = slan(kind, frozen=frozen)
    loss, log = model.train().parse_losses(toy_losses(model, toy_batch()))
    loss.backward()
    assert loss.isfinite() and {'loss_itc', 'loss_region_word_lexical', 'loss_itm', 'loss_reg'} <= log.keys()
    missing = [name for name, value in model.named_parameters() if value.requires_grad and value.grad is None]
    assert missing == []
    towers = [name for name, value in model.named_parameters() if '.backbone.' in name and value.requires_grad]
    assert bool(towers) != frozen


@every
def test_saved_and_loaded_it_retrieves_and_grounds_alike(slan, kind, tmp_path):
    model, _ = slan(kind)
    with torch.no_grad():
        for name, value in model.named_parameters():
            if name.endswith('.gate'):
                value.fill_(0.3)
    torch.save(model.state_dict(), tmp_path / 'model.pth')
    other, _ = slan(kind, seed=1)
    other.load_state_dict(torch.load(tmp_path / 'model.pth', weights_only=True))
    assert_same_answers(model, other)


@every
@torch.no_grad()
def test_a_store_gives_the_same_features(saved, slan, kind, tmp_path, monkeypatch):
    folder, _ = saved(kind)
    config = pair_config(kind, folder)
    config['image']['encoder']['type'] = 'StoredPairImageEncoder'
    config['text']['encoder'] |= dict(type='StoredPairTextEncoder', store=str(tmp_path / 'store'))
    stored = build_toy_slan(config=config).eval()
    write_pictures(tmp_path)
    encoders = stored.image_branch.encoder, stored.text_branch.encoder
    assert fill(tmp_path, tmp_path / 'store', *encoders) == (4, 4)
    levels, pictures = stored_and_read(tmp_path, tmp_path / 'store')
    assert [tuple(level.shape) for level in levels.levels] == [(4, 16, 4, 4), (4, WIDTH[kind], 1, 1)]

    plain, _ = slan(kind)
    found, expected = stored.encode_image(levels), plain.encode_image(pictures)
    torch.testing.assert_close(found.embedding, expected.embedding, atol=5e-3, rtol=0)
    for mine, own in zip(found.space_maps['lexical'], expected.space_maps['lexical'], strict=True):
        torch.testing.assert_close(mine, own, atol=2e-2, rtol=0)
    monkeypatch.setattr(stored.text_branch.encoder, 'run', lambda tokens: pytest.fail('the model ran'))
    texts = ['a red circle', 'a green star']
    torch.testing.assert_close(
        stored.encode_text(texts).embedding, plain.encode_text(texts).embedding, atol=5e-3, rtol=0
    )


def test_what_does_not_fit_a_pair_is_named(saved):
    folder, _ = saved('clip')
    for overrides, told in (
        (dict(itc_dims=12), r'set model.itc_dims=14 and model.space_dims=dict\(_delete_=True, lexical=14\), not 12'),
        (dict(space_dims=dict(lexical=14, contextual=14)), 'its words are contextual'),
        (dict(text__encoder__type='TextEncoder'), "set text.encoder.type='PairTextEncoder'"),
        (dict(image__encoder__type='ImageEncoder', image__encoder__out_levels=0), "type='PairImageEncoder'"),
        (dict(image__encoder__backbone=dict(type='ToyBackbone')), "set image.encoder.backbone.type='PairBackbone'"),
        (dict(image__encoder__backbone__out_layers=[1]), 'let out_layers end with -1'),
    ):
        with pytest.raises(ValueError, match=told):
            build_toy_slan(config=pair_config('clip', folder, **overrides))
    with pytest.raises(ValueError, match="'dinov2', and no vision tower of an image-text pair: clip, siglip, siglip2"):
        MODELS.build(dict(type='PairBackbone', model=dict(model_type='dinov2')))


def test_a_folder_without_a_scale_is_named(saved, tmp_path):
    _, pair = saved('clip')
    pair.text_model.config.save_pretrained(tmp_path)
    with pytest.raises(ValueError, match="'clip_text_model', and no image-text pair: clip, siglip, siglip2"):
        MODELS.build(dict(type='PairITCLoss', embed_dims=14, pretrained=str(tmp_path)))


def test_a_scale_that_a_checkpoint_brings_is_not_cut(saved):
    folder, _ = saved('siglip')
    loss = MODELS.build(dict(type='PairITCLoss', embed_dims=16, pretrained=str(folder)))
    other = MODELS.build(dict(type='PairITCLoss', embed_dims=16))
    other.load_state_dict(loss.state_dict())
    assert other.temperature().item() == loss.temperature().item() > 100
    with torch.no_grad():
        other.temperature.log_scale += 1
    assert other.temperature().item() == loss.temperature().item()
