from .blank_image import BlankImage
from .clean_caption_pair import CleanCaptionPair
from .crop_view import CropView
from .load_image import LoadImage
from .load_image_or_skip import LoadImageFromFile, LoadImageOrSkip
from .load_video import LoadVideo
from .pack_pairs import PackPairs
from .random_flip_pair import RandomFlipPair
from .resize_image import ResizeImage

__all__ = [
    'BlankImage',
    'CleanCaptionPair',
    'CropView',
    'LoadImage',
    'LoadImageFromFile',
    'LoadImageOrSkip',
    'LoadVideo',
    'PackPairs',
    'RandomFlipPair',
    'ResizeImage',
]
