from .caption_metric import CaptionMetric
from .grounding_metric import GroundingMetric
from .vqa_metric import VQAMetric

__all__ = ['CaptionMetric', 'GroundingMetric', 'VQAMetric']
