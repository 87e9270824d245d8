"""Task models: the base model and a head each."""

from slan_mm.models.tasks.captioning import SLANCaptioner
from slan_mm.models.tasks.detection import SLANDetector
from slan_mm.models.tasks.nlvr import NLVR
from slan_mm.models.tasks.supervised_grounding import SLANGrounder
from slan_mm.models.tasks.video_retrieval import VideoRetrieval
from slan_mm.models.tasks.vqa import SLANAnswerer

__all__ = [
    'NLVR',
    'SLANAnswerer',
    'SLANCaptioner',
    'SLANDetector',
    'SLANGrounder',
    'VideoRetrieval',
]
