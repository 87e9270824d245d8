"""The parts of a toy model as torch.export programs and as ONNX models, on batches of other sizes than the example."""

import pytest
import torch
from support.toy import SIZE, TEXTS, build_toy_slan, toy_config, toy_picture

from slan_mm.apis.export import export_parts, onnx_runner
from slan_mm.structures import ImageFeatures


@pytest.fixture(scope='module')
def parts():
    # Few enough are suppressed for T distinct ones: the order of others, which take no part, is anything.
    config = toy_config(locator__region_filter__max_overlap=0.6, locator__region_filter__top=4)
    # Tracing takes seconds for each adaptor, each resolution of the maps and each region that is kept, and a second one
    # is the same nodes again.
    del config['locator']['adaptors'][1:]
    config['image']['decoder']['scales'] = (1, 1)
    model = build_toy_slan(config=config)
    return {part.name: part for part in export_parts(model, (SIZE, SIZE))}


def inputs_of(parts, count, first=0):
    """Inputs of each part, by name, for ``count`` pictures and as many texts."""
    model = parts['encode_image'].module.model
    pictures = torch.stack([toy_picture(index) for index in range(count)]).float()
    tokens = model.tokenize(TEXTS[first : first + count])
    with torch.no_grad():
        image = dict(zip(parts['encode_image'].outputs, parts['encode_image'].module(pictures), strict=True))
        texts = dict(input_ids=tokens.input_ids, mask=tokens.mask, word_mask=tokens.word_mask)
        text = dict(zip(parts['encode_text'].outputs, parts['encode_text'].module(**texts), strict=True))
    located = {name: (image | text | dict(text_mask=tokens.mask))[name] for name in parts['locate'].inputs}
    return dict(encode_image=dict(pictures=pictures), encode_text=texts, locate=located)


@pytest.mark.parametrize('name', ['encode_image', 'encode_text', 'locate'])
def test_programs_on_other_batches(parts, name):
    part = parts[name]
    program = part.program.module()
    lengths = set()
    for count, first in ((3, 0), (1, 1), (4, 4)):
        inputs = inputs_of(parts, count, first)[name]
        lengths |= {tensor.shape[1] for key, tensor in inputs.items() if key in ('mask', 'text_mask')}
        with torch.no_grad():
            expected = part.module(*inputs.values())
            for output, now, then in zip(part.outputs, program(*inputs.values()), expected, strict=True):
                torch.testing.assert_close(now, then, rtol=1e-5, atol=1e-5, msg=lambda text, o=output: f'{o}: {text}')
    assert len(lengths) == (0 if name == 'encode_image' else 3)


@pytest.mark.parametrize('name', ['encode_image', 'encode_text', 'locate'])
def test_onnx_equals_pytorch(parts, name, tmp_path):
    for package in ('onnx', 'onnxscript', 'onnxruntime'):
        pytest.importorskip(package, reason='the extra export is not installed')
    part = parts[name]
    part.to_onnx(tmp_path / 'part.onnx')
    run = onnx_runner(tmp_path / 'part.onnx')
    for count, first in ((3, 0), (1, 1), (4, 4)):
        inputs = inputs_of(parts, count, first)[name]
        with torch.no_grad():
            expected = dict(zip(part.outputs, part.module(*inputs.values()), strict=True))
        outputs = run(inputs)
        assert outputs.keys() == expected.keys()
        for output, value in outputs.items():
            torch.testing.assert_close(
                value, expected[output], rtol=0, atol=1e-4, msg=lambda text, o=output: f'{o}: {text}'
            )


def test_parts_chain_as_the_model_does(parts):
    model = parts['locate'].module.model
    inputs = inputs_of(parts, 2)
    with torch.no_grad():
        outputs = parts['locate'].module(*inputs['locate'].values())
        named = dict(zip(parts['locate'].outputs, outputs, strict=True))
        mean, std = model.data_preprocessor.mean, model.data_preprocessor.std
        image = model.encode_image((inputs['encode_image']['pictures'] - mean) / std)
        assert isinstance(image, ImageFeatures)
        expected = model.itm_scores(image, model.encode_text(TEXTS[:2]))
    torch.testing.assert_close(named['match'], expected)


def test_stored_words_are_no_program():
    model = build_toy_slan(
        text__encoder__type='StoredTextEncoder', text__encoder__store='somewhere', text__encoder__frozen=True
    )
    with pytest.raises(ValueError, match='without_feature_stores'):
        export_parts(model, (SIZE, SIZE))
