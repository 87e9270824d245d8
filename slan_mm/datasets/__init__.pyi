from .coco_dataset import CocoDataset
from .concat import WeightedConcatDataset
from .grounding_dataset import GroundingDataset
from .image_dataset import ImageDataset
from .nlvr2_dataset import NLVR2Dataset
from .pair_dataset import PairDataset
from .pseudo_label_dataset import PseudoLabelDataset
from .retrieval_dataset import RetrievalDataset
from .seeding import item_rng, split_index
from .shapes import (
    ShapesAlike,
    ShapesCrowds,
    ShapesDetection,
    ShapesGrounding,
    ShapesNLVR,
    ShapesPairs,
    ShapesVideos,
    ShapesVQA,
    build_shapes_tokenizer,
)
from .transforms import BlankImage, CleanCaptionPair, LoadImage, LoadVideo, PackPairs, RandomFlipPair, ResizeImage
from .vqa_dataset import VQADataset
from .webdataset_pairs import WebPairDataset

__all__ = [
    'BlankImage',
    'CleanCaptionPair',
    'CocoDataset',
    'GroundingDataset',
    'ImageDataset',
    'LoadImage',
    'LoadVideo',
    'NLVR2Dataset',
    'PackPairs',
    'PairDataset',
    'PseudoLabelDataset',
    'RandomFlipPair',
    'ResizeImage',
    'RetrievalDataset',
    'ShapesAlike',
    'ShapesCrowds',
    'ShapesDetection',
    'ShapesGrounding',
    'ShapesNLVR',
    'ShapesPairs',
    'ShapesVQA',
    'ShapesVideos',
    'VQADataset',
    'WebPairDataset',
    'WeightedConcatDataset',
    'build_shapes_tokenizer',
    'item_rng',
    'split_index',
]
