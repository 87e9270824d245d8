"""Task models: the spine that SLAN is made of, with another head."""

from slan_mm.models.tasks.captioning import SLANCaptioner
from slan_mm.models.tasks.nlvr import NLVR
from slan_mm.models.tasks.video_retrieval import VideoRetrieval
from slan_mm.models.tasks.vqa import SLANAnswerer

__all__ = ['NLVR', 'SLANAnswerer', 'SLANCaptioner', 'VideoRetrieval']
