"""The model: encoders, locator, objectives, SLAN that joins them, and the task models with their heads."""

from slan_mm.models.attention_pooling import AttentionPooling
from slan_mm.models.data_preprocessor import PairDataPreprocessor
from slan_mm.models.encoders import *  # noqa: F403
from slan_mm.models.heads import *  # noqa: F403
from slan_mm.models.locator import *  # noqa: F403
from slan_mm.models.objectives import *  # noqa: F403
from slan_mm.models.slan import SLAN
from slan_mm.models.spine import SelfLocatedModel
from slan_mm.models.tasks import *  # noqa: F403

__all__ = [
    'SLAN',
    'AttentionPooling',
    'PairDataPreprocessor',
    'SelfLocatedModel',
]
