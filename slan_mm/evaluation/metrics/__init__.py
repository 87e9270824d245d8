from slan_mm.evaluation.metrics.caption_metric import CaptionMetric
from slan_mm.evaluation.metrics.coco_box_metric import CocoBoxMetric
from slan_mm.evaluation.metrics.grounding_metric import GroundingMetric
from slan_mm.evaluation.metrics.nlvr2_metric import NLVR2Metric
from slan_mm.evaluation.metrics.vqa_metric import VQAMetric

__all__ = [
    'CaptionMetric',
    'CocoBoxMetric',
    'GroundingMetric',
    'NLVR2Metric',
    'VQAMetric',
]
