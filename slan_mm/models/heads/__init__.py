"""Heads of the task models: what a task adds to the base model."""

from slan_mm.models.heads.answer_ranking import rank_texts
from slan_mm.models.heads.class_prompt import ClassPrompt
from slan_mm.models.heads.detection_head import DetectionHead
from slan_mm.models.heads.detection_loss import DetectionLoss
from slan_mm.models.heads.memory import DecoderMemory, Memory
from slan_mm.models.heads.pair_fusion import PairFusionHead
from slan_mm.models.heads.text_decoder import TextDecoder

__all__ = [
    'ClassPrompt',
    'DecoderMemory',
    'DetectionHead',
    'DetectionLoss',
    'Memory',
    'PairFusionHead',
    'TextDecoder',
    'rank_texts',
]
