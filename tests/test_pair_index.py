"""Pairs of shared images and texts are located as row-wise pairs are."""

import pytest
import torch
from support.toy import TEXTS, build_toy_slan, literal_config, toy_config, toy_picture

from slan_mm.pair_index import PairIndex
from slan_mm.registry import MODELS

CLOSE = dict(rtol=1e-4, atol=1e-5)
FILTER = dict(type='RegionFilter', top=8, threshold=0.3)
CONFIGS = dict(
    ours=dict(),
    no_overlap=dict(locator__region_filter=FILTER | dict(max_overlap=0.1)),
    keep_all=dict(locator__region_filter=dict(type='KeepAllRegions')),
    image_saliency=dict(locator__region_filter=FILTER | dict(type='ImageSaliencyFilter')),
    literal_locator=dict(locator__type='LiteralLocator'),
    two_terms=dict(map_terms=('lexical', 'contextual')),
    no_adaptor=dict(locator__adaptors=[]),
    narrow=dict(locator__adaptors__0__move__ratio=0.2, locator__adaptors__1__move__ratio=2.0),
    literal=None,
)


def config(name):
    if CONFIGS[name] is None:
        return literal_config()
    built = toy_config()
    for path, value in CONFIGS[name].items():
        *parents, last = (int(part) if part.isdigit() else part for part in path.split('__'))
        place = built
        for part in parents:
            place = place[part]
        place[last] = value
    return built


def encode(model, count=3):
    pictures = torch.stack([toy_picture(number) for number in range(count)]).float() / 64 - 2
    return model.encode_image(pictures), model.encode_text(list(TEXTS[:4]))


def assert_same(model, pairs, image, text, prepared=None):
    rows = model.locate(image[pairs.image], text[pairs.text])
    shared = model.locate(*(prepared or (image, text)), pairs)
    for name, value in vars(rows).items():
        torch.testing.assert_close({name: getattr(shared, name)}, {name: value}, **CLOSE)


@torch.no_grad()
@pytest.mark.parametrize('name', CONFIGS)
def test_located_as_row_wise_pairs_are(name):
    torch.manual_seed(0)
    model = MODELS.build(config(name)).eval()
    for parameter in model.locator.parameters():
        if parameter.dim() == 1:  # biases and sizes that start at 0 or 1 would hide an error
            parameter.add_(0.1 * torch.randn_like(parameter))
    image, text = encode(model)
    uneven = PairIndex(torch.tensor([0, 0, 0, 2]), torch.tensor([1, 0, 3, 2]))
    assert uneven.runs == [(1, 3), (1, 0), (1, 1)] and len(uneven) == 4
    assert_same(model, uneven, image, text)
    every = PairIndex.all_pairs(3, 4)
    assert every.runs == PairIndex(every.image, every.text).runs == [(3, 4)]
    for many_texts in (False, True):
        prepared = model.locator.prepare_images(image, many_texts)
        assert_same(model, every, image, text, (prepared, model.locator.prepare_texts(text)))
    scores = model.itm_scores(image, text, every)
    torch.testing.assert_close(scores, model.itm_scores(image[every.image], text[every.text]), **CLOSE)


def test_gradients_are_those_of_row_wise_pairs():
    model = build_toy_slan().train()
    pairs = PairIndex.all_pairs(2, 4)
    gradients = []
    for shared in (False, True):
        model.zero_grad()
        image, text = encode(model, 2)
        given = (image, text, pairs) if shared else (image[pairs.image], text[pairs.text])
        model.itm_scores(*given).square().sum().backward()
        gradients.append({name: p.grad for name, p in model.named_parameters() if p.grad is not None})
    assert gradients[0].keys() == gradients[1].keys()
    for name, gradient in gradients[0].items():
        assert torch.allclose(gradients[1][name], gradient, rtol=1e-3, atol=1e-4), name


def test_products_of_pairs_and_images():
    """Images with three, three, no and one pair: the runs of equal counts are multiplied together."""
    generator = torch.Generator().manual_seed(0)
    pairs = PairIndex(torch.tensor([0, 0, 0, 1, 1, 1, 3]), torch.arange(7))
    assert pairs.runs == [(2, 3), (1, 0), (1, 1)]
    rows, images = torch.randn(7, 2, 5, generator=generator), torch.randn(4, 5, 6, generator=generator)
    torch.testing.assert_close(pairs.matmul(rows, images), rows @ images[pairs.image])
    alone = PairIndex.rows(rows)
    assert alone.runs == [(7, 1)] and alone.image.tolist() == alone.text.tolist() == list(range(7))


def test_gather():
    values = torch.arange(24).view(2, 4, 3)
    pairs = PairIndex(torch.tensor([0, 1, 1]), torch.tensor([0, 0, 1]))
    index = torch.tensor([[3, 0], [1, 1], [2, 0]])
    expected = [[[9, 10, 11], [0, 1, 2]], [[15, 16, 17], [15, 16, 17]], [[18, 19, 20], [12, 13, 14]]]
    assert pairs.gather(values, index).tolist() == expected
    assert pairs.gather(values[..., 0], index).tolist() == [[9, 0], [15, 15], [18, 12]]


def test_pairs_are_checked():
    with pytest.raises(ValueError, match='sorted by image'):
        PairIndex(torch.tensor([1, 0]), torch.tensor([0, 0]))
    with pytest.raises(ValueError, match='got 2 and 1'):
        PairIndex(torch.tensor([1, 2]), torch.tensor([0]))
    with pytest.raises(ValueError, match='one at least'):
        PairIndex.all_pairs(2, 0)
    assert PairIndex(torch.tensor([1]), torch.tensor([0]), num_images=3).runs == [(1, 0), (1, 1), (1, 0)]


def test_pairs_among_a_larger_collection():
    index, images, texts = PairIndex.among(torch.tensor([3, 3, 7]), torch.tensor([9, 4, 9]))
    assert images.tolist() == [3, 7] and texts.tolist() == [4, 9]
    assert index.image.tolist() == [0, 0, 1] and index.text.tolist() == [1, 0, 1] and index.runs == [(1, 2), (1, 1)]
    with pytest.raises(ValueError, match='sorted by image'):
        PairIndex.among(torch.tensor([7, 3]), torch.tensor([0, 0]))
