from .captioning import SLANCaptioner
from .detection import SLANDetector
from .nlvr import NLVR
from .supervised_grounding import SLANGrounder
from .video_retrieval import VideoRetrieval
from .vqa import SLANAnswerer

__all__ = [
    'NLVR',
    'SLANAnswerer',
    'SLANCaptioner',
    'SLANDetector',
    'SLANGrounder',
    'VideoRetrieval',
]
