"""Algorithm 1 from line 2 on, over all levels."""

import pytest
import torch
from support.toy import TEXTS, build_toy_slan, toy_picture

from slan_mm.models.locator.state import PairState
from slan_mm.models.locator.word_maps import activation_map, level_maps
from slan_mm.pair_index import PairIndex

ROWS = PairIndex.rows(torch.zeros(3))


@pytest.fixture(scope='module')
def model():
    return build_toy_slan().eval()


@pytest.fixture(scope='module')
def features(model):
    with torch.no_grad():
        inputs = torch.stack([toy_picture(index) for index in range(3)]).float() / 64 - 2
        return model.encode_image(inputs), model.encode_text(list(TEXTS[:3]))


def test_activation_map_is_the_cosine_of_cell_and_word(features):
    image, text = features
    cells = {'lexical': image.space_maps['lexical'][1]}
    maps = activation_map(text.word_space, cells, ROWS, centred=False)
    assert maps.shape == (3, text.words.shape[1], 16, 16)
    word = text.word_space['lexical'][1, 2]
    cell = cells['lexical'][1, :, 5, 9]
    torch.testing.assert_close(maps[1, 2, 5, 9], torch.nn.functional.cosine_similarity(word, cell, dim=0))
    # Centred, a word's mean over the picture is 0: one that responds everywhere alike names no place.
    centred = activation_map(text.word_space, cells, ROWS)
    torch.testing.assert_close(centred, maps - maps.mean((2, 3), keepdim=True))


@torch.no_grad()
def test_maps_of_two_terms_are_the_sum_of_their_cosines():
    model = build_toy_slan(map_terms=('lexical', 'contextual')).eval()
    inputs = torch.stack([toy_picture(index) for index in range(3)]).float() / 64 - 2
    image, text = model.encode_image(inputs), model.encode_text(list(TEXTS[:3]))
    assert model.locator.map_terms == ('lexical', 'contextual')
    both = model.locator.activation(image, text, ROWS, level=1)
    alone = []
    for term in model.locator.map_terms:
        cells = model.image_branch.spaces[term](image.pyramid[1].movedim(1, -1))
        words = text.word_space[term][:, :, None, None]
        alone.append(torch.nn.functional.cosine_similarity(words, cells[:, None], dim=-1))
    expected = sum(alone)
    torch.testing.assert_close(both, expected - expected.mean((2, 3), keepdim=True))
    # What filters and moves is that sum; the lexical map alone is what it was.
    lexical = model.image_branch.unit_maps(image.pyramid[1:], 'lexical', [])[0]
    torch.testing.assert_close(image.space_maps['lexical'][1], lexical)
    saliency = model.locator.filter.saliency_logits(model.locator.pooling(both, image.boxes), text.word_mask)
    torch.testing.assert_close(model.locate(image, text).saliency, saliency)


@torch.no_grad()
def test_lines_2_to_14(model, features):
    image, text = features
    locator = model.locator
    located = locator(image, text)
    activations = [activation_map(text.word_space, level_maps(image.space_maps, level), ROWS) for level in (0, 1)]

    similarity = locator.pooling(activations[1], image.boxes)
    saliency = locator.filter.saliency_logits(similarity, text.word_mask)
    torch.testing.assert_close(located.saliency, saliency)
    index, weight, mask = locator.filter(saliency, image.boxes, ROWS)
    assert torch.equal(located.index, index) and torch.equal(located.region_mask, mask)
    torch.testing.assert_close(located.weight, weight)

    boxes = torch.stack([image.boxes[p, index[p]] for p in range(3)])
    torch.testing.assert_close(located.boxes[0], boxes)
    regions = torch.stack([image.regions[p, index[p]] for p in range(3)])
    regions = (regions + locator.box_embedding(boxes)) * weight[..., None]
    state = PairState(regions, boxes, mask, text.words, text.mask, text.word_mask)
    for level, adaptor in enumerate(locator.adaptors):
        state = adaptor(state, image.pyramid[level], activations[level], ROWS)
        torch.testing.assert_close(located.boxes[level + 1], state.boxes)
    torch.testing.assert_close(located.regions, state.regions)
    torch.testing.assert_close(located.words, state.words)
    assert len(located.boxes) == 3
    assert torch.equal(located.token_mask, text.mask) and torch.equal(located.word_mask, text.word_mask)
    for p in range(3):
        torch.testing.assert_close(located.vision_cls[p], state.regions[p][mask[p]].mean(0))
        torch.testing.assert_close(located.text_cls[p], state.words[p, 0])


@torch.no_grad()
def test_levels_may_read_any_feature_map(features):
    model = build_toy_slan()
    model.locator.adaptors[0].feature_level = 2
    image, text = features
    seen = []
    for adaptor in model.locator.adaptors:
        adaptor.register_forward_hook(lambda module, args, output: seen.append(args[1].shape[-1]))
    model.locate(image, text)
    assert seen == [16, 16]


@torch.no_grad()
def test_no_adaptor_is_table_5s_zero(features):
    model = build_toy_slan(locator__adaptors=[]).eval()
    located = model.locate(*features)
    assert len(located.boxes) == 1
    assert torch.equal(located.words, features[1].words) and torch.equal(located.text_cls, features[1].words[:, 0])


@torch.no_grad()
def test_unconditioned_filter_reads_the_images_saliency(features):
    model = build_toy_slan(locator__region_filter=dict(type='ImageSaliencyFilter', top=4)).eval()
    image, text = features
    located = model.locate(image, text)
    assert torch.equal(located.saliency, image.saliency)
    assert located.index.tolist() == image.saliency.topk(4).indices.tolist()


@torch.no_grad()
def test_saliency_is_conditioned_on_the_text(model, features):
    image, text = features
    same = image[torch.tensor([0, 0])]
    saliency = model.locate(same, text[torch.tensor([0, 1])]).saliency
    assert (saliency[0] - saliency[1]).abs().max() > 1e-2
