from .contrastive import CalibratedRegionWordLoss, ITCLoss, RegionWordLoss
from .literal import LiteralITMHead, LiteralRegressionLoss
from .masked_lm import MaskedLMHead
from .matching import ITMHead
from .pair_itc import PairITCLoss
from .pretrain import PretrainObjective
from .regression import (
    CentreRegressionLoss,
    ProgressiveRegressionLoss,
    SaliencyRegressionLoss,
)
from .score_mixer import ScoreMixer
from .similarity import SimilarityFiltration
from .soft_targets import SoftTargets

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
    'SimilarityFiltration',
    'SoftTargets',
]
