"""Attention pooling: weighted means of regions and cells, head by head."""

import pytest
import torch
from torch.nn.functional import gelu

from slan_mm.models.image.attention_pooling import AttentionPooling


def build(**options):
    torch.manual_seed(0)
    pooling = AttentionPooling(embed_dims=6, num_heads=2, head_dims=3, **options)
    for score in pooling.score.values():
        torch.nn.init.normal_(score.weight)
    return pooling


def test_a_fresh_one_is_the_plain_mean():
    pooling = AttentionPooling(embed_dims=6, num_heads=2, head_dims=3)
    regions, cells = torch.randn(2, 5, 6), torch.randn(2, 6, 2, 2)
    tokens = torch.cat([regions, cells.flatten(2).mT], dim=1)
    torch.testing.assert_close(pooling(regions, cells, []), gelu(pooling.value['tokens'](tokens)).mean(1))


def test_each_head_weighs_for_itself():
    """By hand: head h is sum_n softmax_n(score_nh) gelu(value_nh)."""
    pooling = build()
    regions, cells = torch.randn(1, 2, 6), torch.randn(1, 6, 1, 1)
    tokens = torch.cat([regions, cells.flatten(2).mT], dim=1)[0]
    score, value = pooling.score['tokens'](tokens), pooling.value['tokens'](tokens)
    expected = []
    for head in range(2):
        weight = score[:, head].exp() / score[:, head].exp().sum()
        expected.append(sum(weight[n] * gelu(value[n, 3 * head : 3 * head + 3]) for n in range(3)))
    torch.testing.assert_close(pooling(regions, cells, [])[0], torch.cat(expected))


def test_a_level_of_the_encoder_takes_the_place_of_v():
    pooling = build(level=1, in_channels=(3, 4))
    regions, cells, levels = torch.randn(2, 5, 6), torch.randn(2, 6, 4, 4), [torch.empty(0), torch.randn(2, 4, 3, 3)]
    out = pooling(regions, cells, levels)
    assert out.shape == (2, pooling.out_dims)
    torch.testing.assert_close(pooling(regions, cells + 1, levels), out)
    assert not torch.allclose(pooling(regions, cells, [levels[0], levels[1].flip(0)]), out)
    with pytest.raises(ValueError, match='level is 2, the image encoder has 2 levels'):
        build(level=2, in_channels=(3, 4))


def test_order_and_batch_have_no_part():
    pooling = build()
    regions, cells = torch.randn(3, 5, 6), torch.randn(3, 6, 2, 3)
    out = pooling(regions, cells, [])
    torch.testing.assert_close(pooling(regions.flip(1), cells.flip(-1), []), out)
    torch.testing.assert_close(pooling(regions[1:2], cells[1:2], [])[0], out[1])


def test_training_drops_values_behind_the_normalisation_and_evaluation_none():
    pooling = build(level=0, in_channels=(4,), dropout=0.5)
    regions, levels = torch.randn(1, 5, 6), [torch.randn(1, 4, 3, 3)]
    seen = {}
    for source, score in pooling.score.items():
        score.register_forward_pre_hook(lambda _, inputs, source=source: seen.update({source: inputs[0]}))
    pooling.train()(regions, regions, levels)
    cells = pooling.norm(levels[0].flatten(2).mT)
    for source, clean in (('regions', regions), ('cells', cells)):
        kept = seen[source] != 0
        assert 0 < kept.sum() < kept.numel()
        torch.testing.assert_close(seen[source][kept], clean[kept] / 0.5)
    pooling.eval()(regions, regions, levels)
    torch.testing.assert_close(seen['cells'], cells)
