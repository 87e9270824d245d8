from slan_mm.datasets.coco_dataset import CocoDataset
from slan_mm.datasets.concat import WeightedConcatDataset
from slan_mm.datasets.grounding_dataset import GroundingDataset
from slan_mm.datasets.image_dataset import ImageDataset
from slan_mm.datasets.nlvr2_dataset import NLVR2Dataset
from slan_mm.datasets.pair_dataset import PairDataset
from slan_mm.datasets.pseudo_label_dataset import PseudoLabelDataset
from slan_mm.datasets.retrieval_dataset import RetrievalDataset
from slan_mm.datasets.seeding import item_rng, split_index
from slan_mm.datasets.shapes import (
    ShapesDetection,
    ShapesGrounding,
    ShapesNLVR,
    ShapesPairs,
    ShapesVideos,
    ShapesVQA,
    build_shapes_tokenizer,
)
from slan_mm.datasets.transforms import CleanCaptionPair, LoadImage, LoadVideo, PackPairs, RandomFlipPair, ResizeImage
from slan_mm.datasets.vqa_dataset import VQADataset
from slan_mm.datasets.webdataset_pairs import WebPairDataset

__all__ = [
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
