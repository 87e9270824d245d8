from .caption_metric import CaptionMetric
from .caption_truth_metric import CaptionTruthMetric
from .coco_box_metric import CocoBoxMetric
from .grounding_metric import GroundingMetric
from .nlvr2_metric import NLVR2Metric
from .vqa_metric import VQAMetric

__all__ = [
    'CaptionMetric',
    'CaptionTruthMetric',
    'CocoBoxMetric',
    'GroundingMetric',
    'NLVR2Metric',
    'VQAMetric',
]
