"""Pre-training objectives (section 3.3)."""

from slan_mm.models.objectives.contrastive import CalibratedRegionWordLoss, ITCLoss, RegionWordLoss
from slan_mm.models.objectives.literal import LiteralITMHead, LiteralRegressionLoss
from slan_mm.models.objectives.masked_lm import MaskedLMHead
from slan_mm.models.objectives.matching import ITMHead
from slan_mm.models.objectives.pair_itc import PairITCLoss
from slan_mm.models.objectives.pretrain import PretrainObjective
from slan_mm.models.objectives.regression import (
    CentreRegressionLoss,
    ProgressiveRegressionLoss,
    SaliencyRegressionLoss,
)
from slan_mm.models.objectives.score_mixer import ScoreMixer
from slan_mm.models.objectives.soft_targets import SoftTargets

__all__ = [
    'CalibratedRegionWordLoss',
    'CentreRegressionLoss',
    'ITCLoss',
    'ITMHead',
    'LiteralITMHead',
    'LiteralRegressionLoss',
    'MaskedLMHead',
    'PairITCLoss',
    'PretrainObjective',
    'ProgressiveRegressionLoss',
    'RegionWordLoss',
    'SaliencyRegressionLoss',
    'ScoreMixer',
    'SoftTargets',
]
