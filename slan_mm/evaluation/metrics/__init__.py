from .grounding_metric import GroundingMetric
from .nlvr2_metric import NLVR2Metric

__all__ = ['GroundingMetric', 'NLVR2Metric']
