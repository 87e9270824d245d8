from .adaptor import RegionAdaptor
from .attention import BidirectionalAttention, LiteralAttention
from .contrast_move import ContrastMove
from .detector import PlainQueryDetector, RegionDetector
from .filter import ImageSaliencyFilter, KeepAllRegions, RegionFilter
from .literal import LiteralAdaptor, LiteralLocator, LiteralMove, ReplacingAdaptor
from .locator import SelfLocator
from .moves import MomentMove, ScalarMove
from .pooling import ExactMeanPooling, RoIAlignPooling

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
