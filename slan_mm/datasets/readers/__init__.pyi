from .captions import CAPTION_READERS, read_captions
from .entry import AnnotationError
from .record import ImageRecord

__all__ = ['CAPTION_READERS', 'AnnotationError', 'ImageRecord', 'read_captions']
