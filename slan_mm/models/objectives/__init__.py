"""Pre-training objectives (section 3.3)."""

from slan_mm.models.objectives.contrastive import ITCLoss, RegionWordLoss
from slan_mm.models.objectives.masked_lm import MaskedLMHead
from slan_mm.models.objectives.matching import ITMHead
from slan_mm.models.objectives.pretrain import PretrainObjective
from slan_mm.models.objectives.regression import ProgressiveRegressionLoss
from slan_mm.models.objectives.score_mixer import ScoreMixer
from slan_mm.models.objectives.soft_targets import SoftTargets

__all__ = [
    'ITCLoss',
    'ITMHead',
    'MaskedLMHead',
    'PretrainObjective',
    'ProgressiveRegressionLoss',
    'RegionWordLoss',
    'ScoreMixer',
    'SoftTargets',
]
