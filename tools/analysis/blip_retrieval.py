"""mmpretrain's BLIP retrieval model in the sizes of a SLAN, for the comparison of training steps."""

from __future__ import annotations

from typing import Any

import torch
from mmengine.config import ConfigDict
from mmengine.registry import DefaultScope
from mmpretrain.models import BlipRetrieval
from torch import Tensor, nn
from transformers import BertConfig

from slan_mm.datasets.shapes.tokenizer import build_shapes_tokenizer
from slan_mm.registry import MODELS


@MODELS.register_module()
class TokenBackbone(nn.Module):
    """The last map of a backbone as the sequence that BLIP reads: its mean in the place of a [CLS], then its cells."""

    def __init__(self, backbone: dict) -> None:
        super().__init__()
        self.backbone = MODELS.build(backbone)

    def forward(self, pictures: Tensor) -> tuple[Tensor]:
        """``pictures`` (B, 3, H, W) to (B, 1 + cells, C)."""
        cells = self.backbone(pictures)[-1].flatten(2).transpose(1, 2)
        return (torch.cat([cells.mean(1, keepdim=True), cells], dim=1),)


def build_blip_retrieval(model: ConfigDict, num_tokens: int) -> nn.Module:
    """BLIP with momentum encoders, queues and random weights, of the same backbone and BERT as a SLAN.

    What mmpretrain's ``blip-base_8xb32_retrieval.py`` sets stays: 57,600 entries in the queues, soft targets of .4,
    cross-attention in every layer of BERT, the second pass of the text encoder for pairs.

    Args:
        model: A SLAN's config, whose text encoder is given by sizes, not by a name.
        num_tokens: Length to which BLIP pads all texts, special tokens included.
    """
    backbone = model.image.encoder.backbone
    if backbone.type == 'mmpretrain.VisionTransformer':
        vision = {**backbone, 'out_type': 'raw'}
    else:
        vision = dict(type='slan_mm.TokenBackbone', backbone=backbone)
    channels = MODELS.build(dict(model.image.encoder, embed_dims=model.embed_dims)).in_channels[-1]
    tokenizer = build_shapes_tokenizer(num_tokens)
    tokenizer.add_special_tokens({'additional_special_tokens': ['[ENC]']})
    sizes = {'vocab_size': len(tokenizer), **model.text.encoder.model}
    bert: dict[str, Any] = BertConfig(**sizes).to_dict() | dict(
        encoder_width=channels, add_cross_attention=True, add_type_embeddings=False, pad_token_id=0
    )
    bert['vocab_size'] = max(bert['vocab_size'], len(tokenizer))
    hidden, dims = bert['hidden_size'], model.itc_dims
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        blip = BlipRetrieval(
            vision_backbone=vision,
            text_backbone=dict(type='XBertEncoder', med_config=bert),
            vision_neck=dict(type='Linear', in_features=channels, out_features=dims),
            text_neck=dict(type='Linear', in_features=hidden, out_features=dims),
            head=dict(type='ITCHead', embed_dim=dims),
            multimodal_head=dict(type='ITMHead', hidden_size=hidden, with_pooler=False),
            max_txt_len=num_tokens,
        )
    blip.tokenizer = tokenizer
    return blip
