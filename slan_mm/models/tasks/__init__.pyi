from .captioning import SLANCaptioner
from .detection import SLANDetector
from .early_exit import EarlyExitSLAN
from .multi_scale import MultiScaleSLAN
from .nearest_captioner import NearestCaptioner
from .nlvr import NLVR
from .supervised_grounding import SLANGrounder
from .video_retrieval import VideoRetrieval
from .vqa import SLANAnswerer

__all__ = [
    'NLVR',
    'EarlyExitSLAN',
    'MultiScaleSLAN',
    'NearestCaptioner',
    'SLANAnswerer',
    'SLANCaptioner',
    'SLANDetector',
    'SLANGrounder',
    'VideoRetrieval',
]
