"""A pair in open_clip's layout, built by open_clip itself, gives the same scores after its conversion."""

import json
import shutil

import open_clip_to_transformers as tool
import pytest
import torch
import transformers
from open_clip_layout.options import target_config
from safetensors.torch import load_file, save_file
from support.pair_models import LOG_SCALE, PAIRS, WIDTH, pair_config, pair_inputs
from support.text_models import build_tokenizer, kind_of_tokenizer
from support.toy import build_toy_slan, toy_batch
from timm.models import VisionTransformer, register_model

from slan_mm.models.tower_preprocessor import tower_preprocessing

TRUNK = 'vit_toy_patch8_siglip_32'
TEXT = dict(context_length=64, width=16, heads=2, layers=2, mlp_ratio=2.0)
CLIP = dict(
    embed_dim=WIDTH['clip'],
    vision_cfg=dict(image_size=32, layers=2, width=16, head_width=8, patch_size=8, mlp_ratio=2.0),
    text_cfg=TEXT,
)
SIGLIP = dict(
    embed_dim=WIDTH['siglip'],
    init_logit_bias=-10,
    custom_text=True,
    vision_cfg=dict(image_size=32, timm_model_name=TRUNK, timm_pool='map', timm_proj='none'),
    text_cfg=TEXT
    | dict(no_causal_mask=True, proj_bias=True, pool_type='last', norm_kwargs=dict(eps=1e-6))
    | dict(act_kwargs=dict(approximate='tanh'), tokenizer_kwargs=dict(clean='canonicalize')),
)
LAYOUTS = {
    'clip': CLIP,
    'clip, text apart, quick_gelu': CLIP | dict(quick_gelu=True, custom_text=True),
    'siglip': SIGLIP,
}
PREPROCESSING = dict(mean=[0.5, 0.4, 0.3], std=[0.2, 0.25, 0.5], interpolation='bicubic')
every = pytest.mark.parametrize('layout', LAYOUTS)


def kind_of(layout):
    return layout.split(',')[0]


@register_model
def vit_toy_patch8_siglip_32(pretrained=False, num_classes=1000, **_):
    sizes = dict(img_size=32, patch_size=8, embed_dim=16, depth=2, num_heads=2, num_classes=num_classes)
    model = VisionTransformer(**sizes, class_token=False, global_pool='map')
    model.default_cfg = {}
    return model


@pytest.fixture(scope='module')
def published(tmp_path_factory):
    """The folder of a layout as it is published, and open_clip's model."""
    open_clip = pytest.importorskip('open_clip', reason='open_clip_torch of requirements/tests.txt is not installed')
    kept = {}

    def get(layout):
        if layout in kept:
            return kept[layout]
        folder, kind = tmp_path_factory.mktemp('published'), kind_of(layout)
        tokenizer = build_tokenizer(kind_of_tokenizer(f'{kind}_text_model'))
        options = LAYOUTS[layout] | dict(text_cfg=LAYOUTS[layout]['text_cfg'] | dict(vocab_size=len(tokenizer)))
        built = {name: value for name, value in options.items() if name != 'custom_text'}
        torch.manual_seed(0)
        model = (open_clip.CustomTextCLIP if 'custom_text' in options else open_clip.CLIP)(**built).eval()
        with torch.no_grad():
            for parameter in model.parameters():
                # As initialised, a pair hardly tells images and texts apart.
                parameter.add_(torch.randn_like(parameter) * 0.1)
            model.logit_scale.fill_(LOG_SCALE[kind])
        save_file({name: value.clone() for name, value in model.state_dict().items()}, folder / tool.WEIGHTS[0])
        resize = dict(resize_mode='squash') if kind == 'siglip' else {}
        write(folder, options, PREPROCESSING | resize)
        tokenizer.save_pretrained(folder)
        kept[layout] = folder, model
        return kept[layout]

    return get


def write(folder, options, preprocessing=PREPROCESSING):
    (folder / 'open_clip_config.json').write_text(
        json.dumps(dict(model_cfg=options, preprocess_cfg=preprocessing), default=list)
    )


@pytest.fixture
def copy(published, tmp_path):
    """A copy of the published folder of CLIP, to be damaged."""
    return shutil.copytree(published('clip')[0], tmp_path / 'published')


def refused(folder, out, told):
    with pytest.raises(SystemExit) as error:
        tool.main([str(folder), str(out)])
    assert told in str(error.value) and '\n' not in str(error.value)
    assert not (out / 'config.json').exists() or 'did not write it' in told


def tokens_of(kind, texts):
    """As open_clip wants them: padded to the greatest length, CLIP's by 0."""
    tokens = pair_inputs(kind, texts)
    rows = tokens['input_ids'] * tokens.get('attention_mask', 1)
    return torch.nn.functional.pad(rows, (0, 64 - rows.shape[1]))


@every
@torch.no_grad()
def test_scores_are_those_of_open_clip(published, layout, tmp_path, capsys):
    folder, model = published(layout)
    kind = kind_of(layout)
    tool.main([str(folder), str(tmp_path / 'pair')])
    assert 'tensors of a ' in capsys.readouterr().out
    slan = build_toy_slan(config=pair_config(kind, tmp_path / 'pair')).eval()
    batch = toy_batch(range(6))
    images = slan.data_preprocessor(batch, False)['inputs']
    texts = [sample.text for sample in batch['data_samples']]
    tokens = tokens_of(kind, texts)
    expected = model.get_logits(images, tokens)[0]
    assert expected.std() > 1

    pair, report = getattr(transformers, f'{PAIRS[kind]}Model').from_pretrained(
        tmp_path / 'pair', output_loading_info=True
    )
    assert not any(report.values())
    output = pair(pixel_values=images, **pair_inputs(kind, texts))
    torch.testing.assert_close(output.logits_per_image, expected, atol=1e-4, rtol=0)
    for mine, own in (
        (output.image_embeds, model.encode_image(images, normalize=True)),
        (output.text_embeds, model.encode_text(tokens, normalize=True)),
    ):
        torch.testing.assert_close((mine * own).sum(1), torch.ones(6), atol=1e-5, rtol=0)
    bias = 0 if model.logit_bias is None else model.logit_bias
    scores = slan.itc_scores(slan.encode_image(images), slan.encode_text(texts))
    torch.testing.assert_close(scores, expected - bias, atol=1e-4, rtol=0)


@every
def test_the_folder_says_how_images_are_read(published, layout, tmp_path):
    tool.main([str(published(layout)[0]), str(tmp_path / 'pair')])
    found = tower_preprocessing(str(tmp_path / 'pair'))
    assert found.size == (32, 32) and found.mean == (127.5, 102, 76.5) and found.std == (51, 63.75, 127.5)
    processor = transformers.AutoImageProcessor.from_pretrained(tmp_path / 'pair', use_fast=False)
    picture = torch.zeros(40, 60, 3, dtype=torch.uint8).numpy()
    pixels = processor(picture, return_tensors='pt')['pixel_values']
    torch.testing.assert_close(pixels[0, :, 0, 0], torch.tensor([-2.5, -1.6, -0.6]))
    assert pixels.shape[-2:] == (32, 32)


@pytest.mark.parametrize(
    ('change', 'told'),
    [
        (dict(drop='visual.ln_post.weight'), '1 not there: vision_model.post_layernorm.weight'),
        (dict(drop='transformer.resblocks.1.attn.in_proj_bias'), '3 not there: text_model.encoder.layers.1.self_attn'),
        (dict(add='visual.transformer.resblocks.0.ls_1.gamma'), '1 of no use: visual.transformer.resblocks.0.ls_1.gam'),
        (dict(add='transformer.resblocks.7.ln_1.bias'), '1 of no use: transformer.resblocks.7.ln_1.bias'),
        (dict(add='logit_bias'), '1 of no use: logit_bias'),
        (dict(add='text.ln_final.bias'), '1 twice: text.ln_final.bias (text_model.final_layer_norm.bias)'),
        (
            dict(shape='ln_final.bias'),
            '1 of another shape: ln_final.bias (3,) (text_model.final_layer_norm.bias (16,))',
        ),
    ],
)
def test_tensors_that_do_not_fit_are_named(copy, tmp_path, change, told):
    file = copy / tool.WEIGHTS[0]
    state = load_file(file)
    ((how, name),) = change.items()
    if how == 'drop':
        del state[name]
    else:
        state[name] = torch.zeros(16 if how == 'add' else 3)
    save_file(state, file)
    refused(copy, tmp_path / 'pair', told)


def test_weights_of_pytorch_are_read_without_their_code(copy, tmp_path):
    state = load_file(copy / tool.WEIGHTS[0])
    (copy / tool.WEIGHTS[0]).unlink()
    refused(copy, tmp_path / 'pair', 'No weights at')
    torch.save(state, copy / tool.WEIGHTS[1])
    tool.main([str(copy), str(tmp_path / 'pair')])
    assert len(load_file(tmp_path / 'pair/model.safetensors')) > len(state)
    torch.save(state | dict(code=print), copy / tool.WEIGHTS[1])
    refused(copy, tmp_path / 'other', 'would run code from it')


def test_the_tokenizer_must_be_there_and_be_the_pairs_own(copy, tmp_path):
    build_tokenizer('unigram').save_pretrained(copy)
    refused(copy, tmp_path / 'pair', 'the pair reads a text at its greatest token, ')
    (copy / 'tokenizer.json').unlink()
    refused(copy, tmp_path / 'pair', 'Add the tokenizer files of openai/clip-vit-base-patch32 to it')
    write(copy, CLIP | dict(text_cfg=TEXT | dict(hf_tokenizer_name='somebody/words')))
    refused(copy, tmp_path / 'pair', 'Add the tokenizer files of somebody/words to it')


def test_what_it_did_not_write_stays(copy, tmp_path):
    out = tmp_path / 'pair'
    out.mkdir()
    (out / 'config.json').write_text('mine')
    refused(copy, out, 'did not write it')
    assert [path.name for path in out.iterdir()] == ['config.json']
    (out / 'config.json').unlink()
    for _ in range(2):
        tool.main([str(copy), str(out)])
    assert (out / 'tokenizer.json').read_text() == (copy / 'tokenizer.json').read_text()


def test_another_architecture_is_refused_by_name():
    for changes, told in (
        (dict(vision_cfg=dict(timm_model_name='convnext_base')), "vision_cfg.timm_model_name='convnext_base'"),
        (dict(vision_cfg=dict(timm_model_name='vit_no_siglip_1')), "timm_model_name='vit_no_siglip_1'"),
        (dict(vision_cfg=dict(layers=[3, 4, 6, 3])), r'layers=\[3, 4, 6, 3\] is a ResNet'),
        (dict(vision_cfg=dict(attentional_pool=True)), 'vision_cfg.attentional_pool=True has no pair'),
        (dict(text_cfg=dict(hf_model_name='roberta-base')), "text_cfg.hf_model_name='roberta-base' has no pair"),
        (dict(text_cfg=TEXT | dict(pool_type='eos')), "text_cfg.pool_type='eos' has no pair"),
        (dict(text_cfg=TEXT | dict(width=-3)), 'text_cfg.width must be a number above 0, got -3'),
        (dict(text_cfg=TEXT | dict(heads=3)), 'text_cfg.width=16 is no multiple of its 3 heads'),
        (dict(multimodal_cfg=dict(width=16)), "model_cfg.multimodal_cfg={'width': 16} has no pair"),
        (dict(embed_dim=None), 'model_cfg.embed_dim must be a number above 0'),
        (dict(text_cfg=None), 'no vision_cfg and text_cfg'),
    ):
        with pytest.raises(ValueError, match=told):
            target_config(CLIP | changes)
    for changes, told in (
        (dict(text_cfg=TEXT), "text_cfg.pool_type is not 'last'"),
        (dict(embed_dim=14), f'model_cfg.embed_dim=14: {TRUNK} has 16'),
        (dict(vision_cfg=SIGLIP['vision_cfg'] | dict(timm_pool='avg')), "timm_pool='avg' has no pair"),
    ):
        with pytest.raises(ValueError, match=told):
            target_config(SIGLIP | changes)


@pytest.mark.parametrize(
    ('given', 'told'),
    [
        (dict(mean=None), 'preprocess_cfg.mean must be three numbers, got None'),
        (dict(resize_mode='longest'), "preprocess_cfg.resize_mode='longest': shortest and squash are known"),
        (dict(size=[32, 16]), r'preprocess_cfg.size must be a number above 0, got [32, 16]'),
    ],
)
def test_preprocessing_that_is_not_known_is_refused(tmp_path, given, told):
    write(tmp_path, CLIP, PREPROCESSING | given)
    refused(tmp_path, tmp_path / 'pair', told)
