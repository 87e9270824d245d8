"""Heads of tasks that have parameters of their own."""

from slan_mm.models.heads.class_prompt import ClassPrompt
from slan_mm.models.heads.detection_head import DetectionHead
from slan_mm.models.heads.detection_loss import DetectionLoss
from slan_mm.models.heads.pair_fusion import PairFusionHead

__all__ = ['ClassPrompt', 'DetectionHead', 'DetectionLoss', 'PairFusionHead']
