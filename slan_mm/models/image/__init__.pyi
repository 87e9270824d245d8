from .affinity_smoothing import AffinitySmoothing
from .attention_pooling import AttentionPooling
from .branch import ImageBranch
from .encoder import ImageEncoder
from .frozen_backbone import FrozenBackbone
from .pair import PairBackbone, PairImageBranch, PairImageEncoder
from .transformers_backbone import TransformersBackbone
from .vision_decoder import EncoderPyramid, SimplePyramid, VisionDecoder

__all__ = [
    'AffinitySmoothing',
    'AttentionPooling',
    'EncoderPyramid',
    'FrozenBackbone',
    'ImageBranch',
    'ImageEncoder',
    'PairBackbone',
    'PairImageBranch',
    'PairImageEncoder',
    'SimplePyramid',
    'TransformersBackbone',
    'VisionDecoder',
]
