from slan_mm.apis.marked_text import MarkedText, read_marked_text
from slan_mm.apis.region_inferencer import RegionInferencer

__all__ = ['MarkedText', 'RegionInferencer', 'read_marked_text']
