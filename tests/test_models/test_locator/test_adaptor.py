"""One level of Algorithm 1, lines 4 to 11, step by step."""

import pytest
import torch
from support.toy import toy_config
from torch.nn.functional import layer_norm

from slan_mm.models.locator import RegionAdaptor
from slan_mm.models.locator.box_embedding import BoxEmbedding


def make(**kwargs):
    torch.manual_seed(0)
    config = {key: value for key, value in toy_config()['locator']['adaptors'][0].items() if key != 'type'}
    return RegionAdaptor(embed_dims=16, **(config | kwargs))


def inputs(pairs=2, regions=4, words=3, seed=0):
    generator = torch.Generator().manual_seed(seed)
    region_mask, mask = torch.ones(pairs, regions, dtype=torch.bool), torch.ones(pairs, words, dtype=torch.bool)
    region_mask[0, 3:] = False
    mask[1, 2:] = False
    word_mask = mask.clone()
    word_mask[:, 0] = False
    return dict(
        regions=torch.randn(pairs, regions, 16, generator=generator),
        words=torch.randn(pairs, words, 16, generator=generator),
        boxes=torch.rand(pairs, regions, 4, generator=generator) * 0.4 + 0.3,
        region_mask=region_mask,
        mask=mask,
        feature_map=torch.randn(pairs, 16, 8, 8, generator=generator),
        activation=torch.rand(pairs, words, 8, 8, generator=generator) * 2 - 1,
        word_mask=word_mask,
    )


def test_a_level_attends_moves_and_embeds_again():
    adaptor, given = make(), inputs()
    regions, words, boxes = adaptor(**given)
    attended, new_words = adaptor.attention(given['regions'], given['words'], given['region_mask'], given['mask'])
    moved = adaptor.move(given['boxes'], given['activation'], given['word_mask'])
    torch.testing.assert_close(words, new_words)
    torch.testing.assert_close(boxes, moved)
    new = adaptor.projection(adaptor.pooling(given['feature_map'], moved)) + adaptor.box_embedding(moved)
    torch.testing.assert_close(regions, layer_norm(attended + new, (16,)))
    assert (boxes - given['boxes']).abs().max() > 0.01


def test_replace_is_the_literal_line_11():
    adaptor, given = make(embedding='replace', box_embedding=False), inputs()
    regions, _, boxes = adaptor(**given)
    expected = layer_norm(adaptor.projection(adaptor.pooling(given['feature_map'], boxes)), (16,))
    torch.testing.assert_close(regions, expected)
    with pytest.raises(ValueError, match="'residual' or 'replace'"):
        make(embedding='sum')


def test_detached_boxes_stop_the_gradient_of_levels_before():
    for detach in (False, True):
        given = inputs()
        given['boxes'].requires_grad_()
        regions, _, _ = make(detach_boxes=detach)(**given)
        regions.square().sum().backward()
        assert (given['boxes'].grad is None) == detach


def test_padding_and_batch_never_change_a_result():
    adaptor, given = make(), inputs()
    expected = adaptor(**given)

    def pad(name, value):
        tensor = given[name]
        filler = torch.full((2, 2, *tensor.shape[2:]), value, dtype=tensor.dtype)
        return torch.cat([tensor, filler], 1)

    padded = dict(
        regions=pad('regions', 50.0),
        words=pad('words', -50.0),
        boxes=pad('boxes', 0.5),
        region_mask=pad('region_mask', False),
        mask=pad('mask', False),
        feature_map=given['feature_map'],
        activation=pad('activation', 50.0),
        word_mask=pad('word_mask', False),
    )
    outputs = adaptor(**padded)
    for output, exact, mask in zip(outputs, expected, ('region_mask', 'mask', 'region_mask'), strict=True):
        torch.testing.assert_close(output[padded[mask]], exact[given[mask]])
    alone = adaptor(**{name: tensor[1:] for name, tensor in given.items()})
    for output, exact, mask in zip(alone, expected, ('region_mask', 'mask', 'region_mask'), strict=True):
        kept = given[mask][1]
        torch.testing.assert_close(output[0][kept], exact[1][kept])


def test_box_embedding_tells_boxes_apart():
    torch.manual_seed(0)
    embedding = BoxEmbedding(16)
    boxes = torch.tensor([[[0.2, 0.5, 0.1, 0.1], [0.8, 0.5, 0.1, 0.1], [0.2, 0.5, 0.1, 0.4], [0.2, 0.5, 0.1, 0.1]]])
    vectors = embedding(boxes)[0]
    assert vectors.shape == (4, 16) and torch.equal(vectors[0], vectors[3])
    assert all((vectors[0] - vectors[other]).abs().max() > 1e-3 for other in (1, 2))
