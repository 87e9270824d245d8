"""mmdet's layers without attention weights: the same values, none of the weights."""

import torch
from mmdet.models.layers import DetrTransformerEncoder
from torch import nn

from slan_mm.models.locator import RegionDetector
from slan_mm.models.locator.fused_attention import fuse_attention


def test_values_and_gradients_stay():
    torch.manual_seed(0)
    attention = dict(embed_dims=16, num_heads=2, batch_first=True)
    encoder = DetrTransformerEncoder(2, dict(self_attn_cfg=attention, ffn_cfg=dict(embed_dims=16))).train()
    for module in encoder.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    x, position = torch.randn(3, 7, 16, requires_grad=True), torch.randn(3, 7, 16)

    def run():
        y = encoder(query=x, query_pos=position, key_padding_mask=None)
        return y, torch.autograd.grad(y.square().sum(), x)[0]

    before = run()
    fuse_attention(encoder)
    torch.testing.assert_close(run(), before)


def test_the_detector_computes_no_weights():
    detector = RegionDetector(16, grid=(2,), num_encoder_layers=1, num_decoder_layers=1, num_heads=2)
    weights = []
    for module in detector.modules():
        if isinstance(module, nn.MultiheadAttention):
            module.register_forward_hook(lambda module, args, output: weights.append(output[1]))
    detector(torch.randn(2, 16, 4, 4))
    assert weights == [None, None, None]
