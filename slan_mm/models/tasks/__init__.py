"""Task models: the spine that SLAN is made of, with another head."""

from slan_mm.models.tasks.detection import SLANDetector
from slan_mm.models.tasks.nlvr import NLVR
from slan_mm.models.tasks.video_retrieval import VideoRetrieval

__all__ = ['NLVR', 'SLANDetector', 'VideoRetrieval']
