"""Eq. 1 against a softmax written out in loops."""

import math

import pytest
import torch
from torch.nn.functional import gelu, layer_norm

from slan_mm.models.locator import BidirectionalAttention, LiteralAttention


def make(literal=False, heads=2, dims=8, seed=0):
    torch.manual_seed(seed)
    return LiteralAttention(dims, heads) if literal else BidirectionalAttention(dims, heads, feedforward_channels=16)


def inputs(pairs=2, regions=3, words=4, dims=8, seed=1):
    generator = torch.Generator().manual_seed(seed)
    region_mask = torch.ones(pairs, regions, dtype=torch.bool)
    word_mask = torch.ones(pairs, words, dtype=torch.bool)
    region_mask[1, 2:] = False
    word_mask[0, 3:] = False
    return (
        torch.randn(pairs, regions, dims, generator=generator),
        torch.randn(pairs, words, dims, generator=generator),
        region_mask,
        word_mask,
    )


def naive_softmax_sum(scores, values, mask):
    """sum_j softmax(scores)_j values_j over the elements that take part, one after the other."""
    weights = [math.exp(score) if takes_part else 0.0 for score, takes_part in zip(scores, mask, strict=True)]
    total = torch.zeros_like(values[0])
    for weight, value in zip(weights, values, strict=True):
        total = total + weight / sum(weights) * value
    return total


def set_identity(attention):
    for layer in attention.modules():
        if isinstance(layer, torch.nn.Linear):
            torch.nn.init.eye_(layer.weight)
            torch.nn.init.zeros_(layer.bias)


def test_literal_is_equation_1():
    attention = make(literal=True, heads=1)
    set_identity(attention)
    regions, words, region_mask, word_mask = inputs()
    new_regions, new_words = attention(regions, words, region_mask, word_mask)
    for p in range(2):
        attn = [[float(g @ t) / math.sqrt(8) for t in words[p]] for g in regions[p]]
        for n in range(3):
            expected = naive_softmax_sum(attn[n], words[p], word_mask[p])
            torch.testing.assert_close(new_regions[p, n], expected)
        for m in range(4):
            column = [row[m] for row in attn]
            torch.testing.assert_close(new_words[p, m], naive_softmax_sum(column, regions[p], region_mask[p]))


def test_worked_example_by_hand():
    """D = 1, regions 0 and ln 3, words 1 and 2: every number below is on paper."""
    attention = make(literal=True, heads=1, dims=1)
    set_identity(attention)
    regions, words = torch.tensor([[[0.0], [math.log(3)]]]), torch.tensor([[[1.0], [2.0]]])
    all_true = torch.ones(1, 2, dtype=torch.bool)
    new_regions, new_words = attention(regions, words, all_true, all_true)
    # Attn = [[0, 0], [ln 3, 2 ln 3]]: rows weigh the words 1/2, 1/2 and 3/12, 9/12.
    torch.testing.assert_close(new_regions[0, :, 0], torch.tensor([1.5, 1.75]))
    # Columns weigh the regions 1/4, 3/4 and 1/10, 9/10.
    torch.testing.assert_close(new_words[0, :, 0], torch.tensor([0.75, 0.9]) * math.log(3))


def test_heads_each_attend_in_their_own_slice():
    attention = make(literal=True, heads=2)
    regions, words, region_mask, word_mask = inputs()
    new_regions, _ = attention(regions, words, region_mask, word_mask)
    keys, others = attention.region_key(regions), attention.word_key(words)
    values = attention.word_value(words)
    for p in range(2):
        for n in range(3):
            heads = []
            for part in (slice(0, 4), slice(4, 8)):
                scores = [float(keys[p, n, part] @ other[part]) / 2 for other in others[p]]
                heads.append(naive_softmax_sum(scores, values[p, :, part], word_mask[p]))
            torch.testing.assert_close(new_regions[p, n], attention.region_out(torch.cat(heads)))


def test_residual_norm_and_ffn():
    literal, full = make(literal=True), make()
    full.load_state_dict(literal.state_dict(), strict=False)
    regions, words, region_mask, word_mask = inputs()
    attended = literal(regions, words, region_mask, word_mask)
    updated = full(regions, words, region_mask, word_mask)
    for old, step, new, ffn in zip((regions, words), attended, updated, (full.region_ffn, full.word_ffn), strict=True):
        middle = layer_norm(old + step, (8,))
        first, second = ffn.layers[0][0], ffn.layers[1]
        hidden = gelu(middle @ first.weight.t() + first.bias)
        expected = layer_norm(middle + hidden @ second.weight.t() + second.bias, (8,))
        torch.testing.assert_close(new, expected)


@pytest.mark.parametrize('literal', [True, False])
def test_padding_and_batch_never_change_a_result(literal):
    attention = make(literal)
    regions, words, region_mask, word_mask = inputs()
    expected = attention(regions, words, region_mask, word_mask)

    padded = attention(
        torch.cat([regions, torch.full((2, 2, 8), 1e3)], 1),
        torch.cat([words, torch.full((2, 3, 8), -1e3)], 1),
        torch.cat([region_mask, torch.zeros(2, 2, dtype=torch.bool)], 1),
        torch.cat([word_mask, torch.zeros(2, 3, dtype=torch.bool)], 1),
    )
    torch.testing.assert_close(padded[0][:, :3], expected[0])
    torch.testing.assert_close(padded[1][:, :4], expected[1])

    alone = attention(regions[1:], words[1:], region_mask[1:], word_mask[1:])
    torch.testing.assert_close(alone[0][0], expected[0][1])
    torch.testing.assert_close(alone[1][0], expected[1][1])

    # What stands at a masked place is read by no one, whatever it is.
    words[0, 3] = 1e3
    regions[1, 2] = -1e3
    changed = attention(regions, words, region_mask, word_mask)
    torch.testing.assert_close(changed[0][region_mask], expected[0][region_mask])
    torch.testing.assert_close(changed[1][word_mask], expected[1][word_mask])


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
@pytest.mark.parametrize('literal', [True, False])
def test_half_precision_is_finite_and_near(dtype, literal):
    attention = make(literal)
    regions, words, region_mask, word_mask = inputs()
    for size, near in ((1, True), (30, False)):
        args = regions * size, words * size, region_mask, word_mask
        with torch.autocast('cpu', dtype):
            outputs = attention(*args)
        for output, exact in zip(outputs, attention(*args), strict=True):
            assert output.isfinite().all()
            if near:
                torch.testing.assert_close(output.float(), exact, atol=5e-2, rtol=0)
        sum(output.float().square().sum() for output in outputs).backward()
        assert all(p.grad.isfinite().all() for p in attention.parameters())
        attention.zero_grad()


def test_width_that_heads_do_not_divide_is_refused():
    with pytest.raises(ValueError, match='num_heads is 4, which does not divide its width 10'):
        BidirectionalAttention(10, num_heads=4)
