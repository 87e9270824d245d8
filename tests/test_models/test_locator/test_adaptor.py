"""One level of Algorithm 1, lines 4 to 11, step by step."""

import torch
from support.toy import toy_config
from torch.nn.functional import layer_norm

from slan_mm.models.locator import LiteralAdaptor, RegionAdaptor, ReplacingAdaptor
from slan_mm.models.locator.box_embedding import BoxEmbedding
from slan_mm.models.locator.state import PairState
from slan_mm.pair_index import PairIndex


def make(kind=RegionAdaptor):
    torch.manual_seed(0)
    config = {key: value for key, value in toy_config()['locator']['adaptors'][0].items() if key != 'type'}
    return kind(embed_dims=16, **config)


def level(adaptor, feature_map, activation, **state):
    return adaptor(PairState(**state), feature_map, activation, PairIndex.rows(feature_map))


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
        token_mask=mask,
        feature_map=torch.randn(pairs, 16, 8, 8, generator=generator),
        activation=torch.rand(pairs, words, 8, 8, generator=generator) * 2 - 1,
        word_mask=word_mask,
    )


def test_a_level_attends_moves_and_embeds_again():
    adaptor, given = make(), inputs()
    found = level(adaptor, **given)
    regions, words, boxes = found.regions, found.words, found.boxes
    attended, new_words = adaptor.attention(given['regions'], given['words'], given['region_mask'], given['token_mask'])
    moved = adaptor.move(given['boxes'], given['activation'], given['word_mask'])
    torch.testing.assert_close(words, new_words)
    torch.testing.assert_close(boxes, moved)
    new = adaptor.projection(adaptor.pooling(given['feature_map'], moved)) + adaptor.box_embedding(moved)
    torch.testing.assert_close(regions, layer_norm(attended + new, (16,)))
    assert (boxes - given['boxes']).abs().max() > 0.01


def test_replaced_embeddings_are_line_11_as_written():
    adaptor, given = make(LiteralAdaptor), inputs()
    found = level(adaptor, **given)
    pooled = adaptor.projection(adaptor.pooling(given['feature_map'], found.boxes))
    torch.testing.assert_close(found.regions, layer_norm(pooled, (16,)))
    placed = make(ReplacingAdaptor)
    found = level(placed, **given)
    pooled = placed.projection(placed.pooling(given['feature_map'], found.boxes)) + placed.box_embedding(found.boxes)
    torch.testing.assert_close(found.regions, layer_norm(pooled, (16,)))


def test_padding_and_batch_never_change_a_result():
    adaptor, given = make(), inputs()
    expected = level(adaptor, **given)

    def pad(name, value):
        tensor = given[name]
        filler = torch.full((2, 2, *tensor.shape[2:]), value, dtype=tensor.dtype)
        return torch.cat([tensor, filler], 1)

    padded = dict(
        regions=pad('regions', 50.0),
        words=pad('words', -50.0),
        boxes=pad('boxes', 0.5),
        region_mask=pad('region_mask', False),
        token_mask=pad('token_mask', False),
        feature_map=given['feature_map'],
        activation=pad('activation', 50.0),
        word_mask=pad('word_mask', False),
    )
    outputs = level(adaptor, **padded)
    alone = level(adaptor, **{name: tensor[1:] for name, tensor in given.items()})
    for name, mask in (('regions', 'region_mask'), ('words', 'token_mask'), ('boxes', 'region_mask')):
        exact, kept = getattr(expected, name), given[mask][1]
        torch.testing.assert_close(getattr(outputs, name)[padded[mask]], exact[given[mask]])
        torch.testing.assert_close(getattr(alone, name)[0][kept], exact[1][kept])


def test_box_embedding_tells_boxes_apart():
    torch.manual_seed(0)
    embedding = BoxEmbedding(16)
    boxes = torch.tensor([[[0.2, 0.5, 0.1, 0.1], [0.8, 0.5, 0.1, 0.1], [0.2, 0.5, 0.1, 0.4], [0.2, 0.5, 0.1, 0.1]]])
    vectors = embedding(boxes)[0]
    assert vectors.shape == (4, 16) and torch.equal(vectors[0], vectors[3])
    assert all((vectors[0] - vectors[other]).abs().max() > 1e-3 for other in (1, 2))
