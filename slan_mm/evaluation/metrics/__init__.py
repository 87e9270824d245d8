from .coco_box_metric import CocoBoxMetric
from .grounding_metric import GroundingMetric

__all__ = ['CocoBoxMetric', 'GroundingMetric']
