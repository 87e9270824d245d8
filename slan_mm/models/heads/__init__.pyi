from .answer_ranking import rank_texts
from .class_prompt import ClassPrompt
from .detection_head import DetectionHead
from .detection_loss import DetectionLoss
from .memory import DecoderMemory, Memory
from .pair_fusion import PairFusionHead
from .text_decoder import TextDecoder
from .word_weights import WordWeights

__all__ = [
    'ClassPrompt',
    'DecoderMemory',
    'DetectionHead',
    'DetectionLoss',
    'Memory',
    'PairFusionHead',
    'TextDecoder',
    'WordWeights',
    'rank_texts',
]
