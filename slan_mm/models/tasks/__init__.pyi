from .captioning import SLANCaptioner
from .detection import SLANDetector
from .early_exit import EarlyExitSLAN
from .nearest_captioner import NearestCaptioner
from .nlvr import NLVR
from .supervised_grounding import SLANGrounder
from .video_retrieval import VideoRetrieval
from .vqa import SLANAnswerer

__all__ = [
    'NLVR',
    'EarlyExitSLAN',
    'NearestCaptioner',
    'SLANAnswerer',
    'SLANCaptioner',
    'SLANDetector',
    'SLANGrounder',
    'VideoRetrieval',
]
