"""The self-locator (section 3.2), one file a component."""

from slan_mm.models.locator.adaptor import RegionAdaptor
from slan_mm.models.locator.attention import BidirectionalAttention
from slan_mm.models.locator.contrast_move import ContrastMove
from slan_mm.models.locator.detector import RegionDetector
from slan_mm.models.locator.filter import RegionFilter
from slan_mm.models.locator.locator import SelfLocator
from slan_mm.models.locator.moves import MomentMove, ScalarMove
from slan_mm.models.locator.pooling import ExactMeanPooling, RoIAlignPooling

__all__ = [
    'BidirectionalAttention',
    'ContrastMove',
    'ExactMeanPooling',
    'MomentMove',
    'RegionAdaptor',
    'RegionDetector',
    'RegionFilter',
    'RoIAlignPooling',
    'ScalarMove',
    'SelfLocator',
]
