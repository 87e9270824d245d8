from .captioning import SLANCaptioner
from .detection import SLANDetector
from .nearest_captioner import NearestCaptioner
from .nlvr import NLVR
from .supervised_grounding import SLANGrounder
from .video_retrieval import VideoRetrieval
from .vqa import SLANAnswerer

__all__ = [
    'NLVR',
    'NearestCaptioner',
    'SLANAnswerer',
    'SLANCaptioner',
    'SLANDetector',
    'SLANGrounder',
    'VideoRetrieval',
]
