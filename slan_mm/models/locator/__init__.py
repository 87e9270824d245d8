"""The self-locator (section 3.2), one file a component."""

from slan_mm.models.locator.adaptor import RegionAdaptor
from slan_mm.models.locator.attention import BidirectionalAttention, LiteralAttention
from slan_mm.models.locator.contrast_move import ContrastMove
from slan_mm.models.locator.detector import PlainQueryDetector, RegionDetector
from slan_mm.models.locator.filter import ImageSaliencyFilter, KeepAllRegions, RegionFilter
from slan_mm.models.locator.literal import LiteralAdaptor, LiteralLocator, LiteralMove, ReplacingAdaptor
from slan_mm.models.locator.locator import SelfLocator
from slan_mm.models.locator.moves import MomentMove, ScalarMove
from slan_mm.models.locator.pooling import ExactMeanPooling, RoIAlignPooling

__all__ = [
    'BidirectionalAttention',
    'ContrastMove',
    'ExactMeanPooling',
    'ImageSaliencyFilter',
    'KeepAllRegions',
    'LiteralAdaptor',
    'LiteralAttention',
    'LiteralLocator',
    'LiteralMove',
    'MomentMove',
    'PlainQueryDetector',
    'RegionAdaptor',
    'RegionDetector',
    'RegionFilter',
    'ReplacingAdaptor',
    'RoIAlignPooling',
    'ScalarMove',
    'SelfLocator',
]
