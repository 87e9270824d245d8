"""The image side: encoder, vision decoder, pooling of ITC's embedding, smoothing of maps; nothing here reads a text."""

from slan_mm.models.image.affinity_smoothing import AffinitySmoothing
from slan_mm.models.image.attention_pooling import AttentionPooling
from slan_mm.models.image.encoder import ImageEncoder
from slan_mm.models.image.frozen_backbone import FrozenBackbone
from slan_mm.models.image.pair import PairBackbone, PairImageBranch, PairImageEncoder
from slan_mm.models.image.transformers_backbone import TransformersBackbone
from slan_mm.models.image.vision_decoder import EncoderPyramid, SimplePyramid, VisionDecoder

__all__ = [
    'AffinitySmoothing',
    'AttentionPooling',
    'EncoderPyramid',
    'FrozenBackbone',
    'ImageEncoder',
    'PairBackbone',
    'PairImageBranch',
    'PairImageEncoder',
    'SimplePyramid',
    'TransformersBackbone',
    'VisionDecoder',
]
