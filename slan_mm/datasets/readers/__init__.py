from slan_mm.datasets.readers.captions import CAPTION_READERS, read_captions
from slan_mm.datasets.readers.entry import AnnotationError
from slan_mm.datasets.readers.record import ImageRecord

__all__ = ['CAPTION_READERS', 'AnnotationError', 'ImageRecord', 'read_captions']
