from .base import BaseSLAN
from .data_preprocessor import PairDataPreprocessor
from .grounding_tiles import GroundingTiles
from .grounding_tta import GroundingTTAModel
from .map_components import MapComponents
from .presence import Presence
from .score_weights import ScoreWeights
from .slan import SLAN
from .tasks import (
    NLVR,
    EarlyExitSLAN,
    MultiScaleSLAN,
    SLANAnswerer,
    SLANCaptioner,
    SLANDetector,
    SLANGrounder,
    VideoRetrieval,
)
from .tower_preprocessor import TowerDataPreprocessor

__all__ = [
    'NLVR',
    'SLAN',
    'BaseSLAN',
    'EarlyExitSLAN',
    'GroundingTTAModel',
    'GroundingTiles',
    'MapComponents',
    'MultiScaleSLAN',
    'PairDataPreprocessor',
    'Presence',
    'SLANAnswerer',
    'SLANCaptioner',
    'SLANDetector',
    'SLANGrounder',
    'ScoreWeights',
    'TowerDataPreprocessor',
    'VideoRetrieval',
]
