from .coco_box_metric import CocoBoxMetric
from .grounding_metric import GroundingMetric
from .nlvr2_metric import NLVR2Metric

__all__ = ['CocoBoxMetric', 'GroundingMetric', 'NLVR2Metric']
