import pytest
import torch

from slan_mm.registry import MODELS
from slan_mm.structures import Located

WIDTH, QUERIES, WORDS = 8, 5, 4
CLOSE = dict(atol=1e-5, rtol=1e-4)


def located(seed, pairs=3, kept=(5, 2, 3), words=(4, 3, 2)):
    generator = torch.Generator().manual_seed(seed)

    def draw(*shape):
        return torch.randn(pairs, *shape, generator=generator)

    regions, tokens = draw(QUERIES, WIDTH), draw(WORDS, WIDTH)
    boxes = [draw(QUERIES, 4).sigmoid()]
    mask = torch.arange(QUERIES) < torch.tensor(kept[:pairs])[:, None]
    return Located(
        regions=regions,
        words=tokens,
        region_mask=mask,
        token_mask=torch.arange(WORDS) < torch.tensor(words[:pairs])[:, None],
        word_mask=torch.arange(WORDS) < torch.tensor(words[:pairs])[:, None],
        boxes=boxes,
        index=torch.arange(QUERIES).repeat(pairs, 1),
        weight=draw(QUERIES).sigmoid(),
        saliency=draw(QUERIES),
        vision_cls=(regions * mask[..., None]).sum(1) / mask.sum(1, keepdim=True),
        text_cls=tokens[:, 0],
    )


@pytest.fixture
def head():
    torch.manual_seed(0)
    attention = dict(num_heads=2, feedforward_channels=16)
    return MODELS.build(dict(type='PairFusionHead', embed_dims=WIDTH, attention=attention)).eval()


@torch.no_grad()
def test_each_row_alone_and_whatever_stands_at_padding(head):
    left, right = located(0), located(1)
    together = head(left, right)
    assert together.shape == (3, 2)
    for row in range(3):
        torch.testing.assert_close(head(left[row : row + 1], right[row : row + 1]), together[row : row + 1], **CLOSE)
    for side in (left, right):
        side.regions[~side.region_mask] = 50.0
        side.words[~side.token_mask] = -50.0
    torch.testing.assert_close(head(left, right), together, **CLOSE)


@torch.no_grad()
def test_left_is_not_right(head):
    left, right = located(0), located(1)
    assert (head(left, right) - head(right, left)).abs().max() > 1e-3


@torch.no_grad()
def test_each_side_reads_the_other(head):
    """What the classifier reads of a side changes with the other side."""
    left, right, other = located(0), located(1), located(2)
    for first, second in (((left, right), (left, other)), ((right, left), (other, left))):
        parts = []
        for pair in (first, second):
            tokens, masks = zip(*map(head.sequence, pair), strict=True)
            fused = head.attention(*tokens, *masks)
            parts.append([head.summarise(*item) for item in zip(fused, pair, strict=True)])
        side = 0 if first[0] is second[0] else 1
        assert (parts[0][side][0] - parts[1][side][0]).abs().max() > 1e-4
        assert (parts[0][side][1] - parts[1][side][1]).abs().max() > 1e-4


def test_summary_is_the_mean_of_kept_regions_and_the_first_word(head):
    side = located(0)
    tokens, mask = head.sequence(side)
    assert mask.sum(1).tolist() == [9, 5, 5]
    mean, first = head.summarise(tokens, side)
    torch.testing.assert_close(mean, side.vision_cls)
    torch.testing.assert_close(first, side.text_cls)
