"""The model: encoders, locator, objectives, SLAN that joins them, and the task models with their heads."""

from slan_mm.models.base import BaseSLAN
from slan_mm.models.data_preprocessor import PairDataPreprocessor
from slan_mm.models.heads import *  # noqa: F403
from slan_mm.models.image import *  # noqa: F403
from slan_mm.models.locator import *  # noqa: F403
from slan_mm.models.objectives import *  # noqa: F403
from slan_mm.models.presence import Presence
from slan_mm.models.score_weights import ScoreWeights
from slan_mm.models.slan import SLAN
from slan_mm.models.tasks import *  # noqa: F403
from slan_mm.models.text import *  # noqa: F403
from slan_mm.models.tower_preprocessor import TowerDataPreprocessor

__all__ = [
    'SLAN',
    'BaseSLAN',
    'PairDataPreprocessor',
    'Presence',
    'ScoreWeights',
    'TowerDataPreprocessor',
]
