from slan_mm.datasets.transforms.clean_caption_pair import CleanCaptionPair
from slan_mm.datasets.transforms.crop_view import CropView
from slan_mm.datasets.transforms.load_image import LoadImage
from slan_mm.datasets.transforms.load_image_or_skip import LoadImageFromFile, LoadImageOrSkip
from slan_mm.datasets.transforms.load_video import LoadVideo
from slan_mm.datasets.transforms.pack_pairs import PackPairs
from slan_mm.datasets.transforms.random_flip_pair import RandomFlipPair
from slan_mm.datasets.transforms.resize_image import ResizeImage

__all__ = [
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
