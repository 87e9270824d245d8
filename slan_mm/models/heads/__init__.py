"""Heads with parameters of their own, which tasks put on the locator's output."""

from slan_mm.models.heads.class_prompt import ClassPrompt
from slan_mm.models.heads.detection_head import DetectionHead
from slan_mm.models.heads.detection_loss import DetectionLoss

__all__ = ['ClassPrompt', 'DetectionHead', 'DetectionLoss']
