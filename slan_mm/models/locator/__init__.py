"""The self-locator (section 3.2), one file a component."""

from slan_mm.models.locator.adaptor import RegionAdaptor
from slan_mm.models.locator.affinity import AffinitySmoothing
from slan_mm.models.locator.attention import BidirectionalAttention
from slan_mm.models.locator.contrast_move import ContrastMove
from slan_mm.models.locator.detector import RegionDetector
from slan_mm.models.locator.filter import RegionFilter
from slan_mm.models.locator.locator import SelfLocator
from slan_mm.models.locator.moves import MomentMove, ScalarMove
from slan_mm.models.locator.pairs import PairIndex
from slan_mm.models.locator.pooling import ExactMeanPooling, RoIAlignPooling
from slan_mm.models.locator.vision_decoder import VisionDecoder

__all__ = [
    'AffinitySmoothing',
    'BidirectionalAttention',
    'ContrastMove',
    'ExactMeanPooling',
    'MomentMove',
    'PairIndex',
    'RegionAdaptor',
    'RegionDetector',
    'RegionFilter',
    'RoIAlignPooling',
    'ScalarMove',
    'SelfLocator',
    'VisionDecoder',
]
