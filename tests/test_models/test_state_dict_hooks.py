"""Loading a checkpoint into a model: what another architecture made is refused, heads may lack."""

import pytest
import torch
from mmengine.runner.checkpoint import load_state_dict
from support.tasks import build_toy_nlvr, build_toy_video_retrieval
from support.toy import build_toy_slan, toy_config
from support.writing import build_writer

MODELS = {'SLAN': build_toy_slan, 'NLVR': build_toy_nlvr, 'VideoRetrieval': build_toy_video_retrieval}


@pytest.fixture(params=MODELS)
def model(request):
    return MODELS[request.param](seed=1)


@pytest.mark.parametrize('strict', [True, False])
def test_another_architecture_is_refused(model, strict):
    kind = type(model).__name__
    with pytest.raises(ValueError, match=rf'another architecture than this {kind}.*itc_projection.*\(5, '):
        load_state_dict(model, build_toy_slan(itc_dims=5).state_dict(), strict=strict)
    with pytest.raises(ValueError, match=rf'no {kind} and no pre-trained SLAN.*backbone\.weight'):
        load_state_dict(model, {'backbone.weight': torch.zeros(1)}, strict=strict)
    lacking = {name: value for name, value in model.state_dict().items() if 'locator.adaptors.1' not in name}
    with pytest.raises(ValueError, match=r'lacks \d+ of .*locator\.adaptors\.1'):
        load_state_dict(model, lacking, strict=strict)


@pytest.mark.parametrize(
    ('share', 'named'),
    [
        (dict(image__decoder__num_convs=2), r'image_branch\.decoder\.levels\.0\.1\.depthwise_conv'),
        (
            dict(image__detector__feedforward_channels=24),
            r'detector\.encoder\.layers\.0\.ffn.* \(32, 16\) for \(24, 16\)',
        ),
        (dict(image__detector__num_decoder_layers=2), r'lacks \d+ of .*image_branch\.detector\.decoder\.layers\.1'),
    ],
)
def test_another_share_of_parameters_is_refused_by_name(share, named):
    """Of the vision decoder's convolutions and of the layers of DETR."""
    with pytest.raises(ValueError, match=named):
        load_state_dict(build_toy_slan(**share), build_toy_slan().state_dict(), strict=False)


def test_a_pretraining_checkpoint_is_the_base_of_every_model(model):
    pretrained = build_toy_slan(seed=2).state_dict()
    load_state_dict(model, dict(pretrained), strict=False)
    own = model.state_dict()
    for name, value in pretrained.items():
        if name.split('.')[0] in ('image_branch', 'text_branch', 'locator'):
            torch.testing.assert_close(own[name], value)


def test_wrapped_models_are_checked_as_well(model):
    wrapped = torch.nn.ModuleDict({'module': model})
    with pytest.raises(ValueError, match='another architecture'):
        wrapped.load_state_dict(
            {f'module.{name}': value for name, value in build_toy_slan(itc_dims=5).state_dict().items()}
        )


def test_a_checkpoint_calls_the_text_model_bert_as_it_did_once(model):
    state = build_toy_slan(seed=3).state_dict()
    place = 'text_branch.encoder.'
    old = {name.replace(f'{place}backbone.', f'{place}bert.'): value for name, value in state.items()}
    assert old.keys() != state.keys()
    load_state_dict(model, dict(old), strict=False)
    text = {name: value for name, value in state.items() if name.startswith(place)}
    assert all(torch.equal(model.state_dict()[name], value) for name, value in text.items())
    encoder = model.text_branch.encoder
    encoder.load_state_dict(
        {name.removeprefix(place): value * 0 for name, value in old.items() if name.startswith(place)}
    )
    assert not encoder.word_embeddings.weight.any()


def test_a_new_decoder_starts_as_the_text_encoder_of_a_pre_training_checkpoint():
    """As ALBEF's: words, layers and the head of masked words are taken over; cross-attention is the decoder's own."""
    pretrained = build_toy_slan(seed=2)
    sizes = toy_config()['text']['encoder']['model']
    model = build_writer('SLANAnswerer', decoder=dict(model=sizes))
    own = {name: value.clone() for name, value in model.state_dict().items()}
    load_state_dict(model, dict(pretrained.state_dict()), strict=False)
    bert, text, lm = model.decoder.bert, pretrained.text_branch.encoder.backbone, pretrained.objective.lm_head
    assert torch.equal(bert.bert.embeddings.word_embeddings.weight, text.embeddings.word_embeddings.weight)
    assert bert.cls.predictions.decoder.weight is bert.bert.embeddings.word_embeddings.weight
    layer = bert.bert.encoder.layer[0]
    assert torch.equal(layer.attention.self.query.weight, text.encoder.layer[0].attention.self.query.weight)
    # The toy's head of masked words reads other widths, but for its norm.
    assert torch.equal(bert.cls.predictions.transform.LayerNorm.weight, lm.transform[2].weight)
    assert torch.equal(bert.cls.predictions.bias, lm.bias)
    name = 'decoder.bert.bert.encoder.layer.0.crossattention.self.query.weight'
    assert torch.equal(model.state_dict()[name], own[name])

    # A checkpoint of the task keeps the decoder that it has, and one of other sizes leaves it random.
    trained = {name: value + 1 for name, value in own.items()}
    load_state_dict(model, dict(trained))
    assert torch.equal(model.state_dict()[name], trained[name])
    wider = build_writer('SLANAnswerer')
    before = wider.decoder.bert.bert.embeddings.word_embeddings.weight.clone()
    load_state_dict(wider, dict(pretrained.state_dict()), strict=False)
    assert torch.equal(wider.decoder.bert.bert.embeddings.word_embeddings.weight, before)
