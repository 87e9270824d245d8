"""Counted operations against counts by hand."""

import pytest
import torch
from measuring import CostMode, count_flops, own_flops
from torch import nn
from torch.nn.functional import scaled_dot_product_attention
from torch.utils.flop_counter import FlopCounterMode


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, padding=1)
        self.layers = nn.ModuleList([nn.Sequential(nn.Linear(4, 6), nn.GELU())])

    def forward(self, x):
        tokens = self.layers[0](self.conv(x).flatten(2).transpose(1, 2))
        heads = tokens.unflatten(-1, (2, 3)).transpose(1, 2)
        return scaled_dot_product_attention(heads, heads[:, :, :5], heads[:, :, :5]) @ heads[:, :, :7].transpose(2, 3)


CONV, LINEAR, OWN = 2 * 2 * 25 * 4 * 27, 2 * 2 * 25 * 4 * 6, 2 * 2 * 2 * 25 * 3 * (5 + 5 + 7)


def test_counts_by_hand():
    block = Block()
    counts = count_flops(lambda: block(torch.zeros(2, 3, 5, 5)))
    assert counts['Block.conv'] == CONV
    assert counts['Block.layers.0'] == counts['Block.layers.0.0'] == LINEAR
    assert counts['Global'] == counts['Block'] == CONV + LINEAR + OWN
    own = own_flops(counts)
    assert own['Block'] == OWN and own['Block.layers.0'] == own['Global'] == 0
    assert sum(own.values()) == counts['Global']


def test_fused_attention_and_layers_are_counted():
    torch.manual_seed(0)
    layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True).eval()
    # Attention's four projections, its two products, and the feed-forward layer, of 2 x 3 tokens.
    expected = 2 * 2 * (3 * 4 * 8 * 8 + 2 * 3 * 3 * 8 + 3 * 2 * 8 * 16)
    assert count_flops(lambda: layer(torch.zeros(2, 3, 8)))['Global'] == expected
    with FlopCounterMode(display=False) as blind, torch.no_grad():
        layer(torch.zeros(2, 3, 8))
    assert blind.get_total_flops() < expected  # what the check below is for


def test_products_without_a_formula_are_refused():
    with pytest.raises(NotImplementedError, match="'mv'"):
        count_flops(lambda: torch.mv(torch.zeros(3, 4), torch.zeros(4)))
    assert count_flops(lambda: torch.zeros(3).softmax(0))['Global'] == 0


@torch.no_grad()
def test_costs_go_to_the_innermost_module():
    block, ticks = Block(), iter(range(1000))
    with CostMode(clock=lambda: next(ticks)) as mode:
        block(torch.zeros(2, 3, 5, 5))
    conv = mode.costs['Block.conv']
    assert conv.calls == conv.seconds == 1
    assert conv.bytes == 4 * (2 * 3 * 25 + 4 * 27 + 4 + 2 * 4 * 25)
    assert mode.costs['Block.layers.0.1'].bytes == 4 * 2 * (2 * 25 * 6)
    with CostMode() as mode:
        torch.ones(4).view(2, 2)
    assert mode.costs['Global'].calls == 2 and mode.costs['Global'].bytes == 16
