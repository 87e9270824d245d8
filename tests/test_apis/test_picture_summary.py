import torch
from torch.nn.functional import normalize

from slan_mm.apis.picture_summary import REGIONS, PictureSummary, spread
from slan_mm.structures import ImageFeatures


def features(queries=25, maps=3, width=256, pictures=2, terms=('contextual', 'lexical')):
    generator = torch.Generator().manual_seed(0)

    def unit(*shape):
        return normalize(torch.randn(*shape, generator=generator), dim=-1)

    return ImageFeatures(
        boxes=torch.rand(pictures, queries, 4, generator=generator),
        saliency=torch.zeros(pictures, queries),
        regions=torch.zeros(pictures, queries, 8),
        pyramid=[],
        space_maps={},
        region_space={term: unit(pictures, maps * queries, width) for term in terms},
        embedding=unit(pictures, 256),
    )


def size(summary):
    tensors = [summary.embedding, *summary.regions.values(), *summary.boxes.values()]
    return sum(tensor.nbytes for tensor in tensors) / len(summary)


def test_a_picture_takes_less_than_6_kb():
    """Also at full size: 256 numbers an embedding and a region, two spaces."""
    assert size(PictureSummary.of(features(queries=100, maps=4))) <= 6 * 1024 - 300  # 300 for path and numbers
    small = PictureSummary.of(features(width=64))
    assert small.regions['lexical'].shape == (2, REGIONS, 64) and size(small) < 3 * 1024


def test_regions_are_those_of_the_picture_with_their_boxes():
    image = features(width=64)
    summary = PictureSummary.of(image)
    kept = summary.features().region_space['lexical']
    cosine = kept @ image.region_space['lexical'].transpose(1, 2)
    assert cosine.amax(2).min() > 0.999
    for number in range(2):
        boxes = image.boxes[number, cosine[number].argmax(1) % 25]
        torch.testing.assert_close(summary.boxes['lexical'][number].float(), boxes, atol=1e-3, rtol=0)
    torch.testing.assert_close(summary.features().embedding, image.embedding, atol=1e-3, rtol=0)


def test_regions_that_are_kept_stand_for_the_others():
    """Four bundles of vectors: one of each is taken before a second of any."""
    ends = torch.eye(4).repeat_interleave(5, 0)
    vectors = normalize(ends + 0.05 * torch.randn(20, 4, generator=torch.Generator().manual_seed(1)), dim=-1)[None]
    assert sorted((spread(vectors, 4)[0] // 5).tolist()) == [0, 1, 2, 3]
    assert sorted(spread(vectors, 50)[0].tolist()) == list(range(20))
    # Equal ones are each taken once, too.
    assert sorted(spread(torch.ones(1, 3, 1), 3)[0].tolist()) == [0, 1, 2]
