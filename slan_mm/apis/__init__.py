from slan_mm.apis.base import TaskInferencer
from slan_mm.apis.captioning_inferencer import CaptioningInferencer
from slan_mm.apis.detection_inferencer import DetectionInferencer
from slan_mm.apis.grounding_inferencer import GroundingInferencer
from slan_mm.apis.index_parts import PictureIndexError
from slan_mm.apis.inferencer import INFERENCERS, SLANInferencer
from slan_mm.apis.model import init_model
from slan_mm.apis.nlvr2_inferencer import NLVR2Inferencer
from slan_mm.apis.picture_index import PictureIndex
from slan_mm.apis.processor import Processor
from slan_mm.apis.retrieval_inferencer import RetrievalInferencer
from slan_mm.apis.search import Indexed, PictureSearch
from slan_mm.apis.video_answers import infer_video
from slan_mm.apis.video_retrieval_inferencer import VideoRetrievalInferencer
from slan_mm.apis.vqa_inferencer import VQAInferencer
from slan_mm.datasets.marked_text import mark_spans, read_marked_text
from slan_mm.datasets.noun_phrases import find_noun_phrases, mark_phrases
from slan_mm.structures import MarkedText

__all__ = [
    'INFERENCERS',
    'CaptioningInferencer',
    'DetectionInferencer',
    'GroundingInferencer',
    'Indexed',
    'MarkedText',
    'NLVR2Inferencer',
    'PictureIndex',
    'PictureIndexError',
    'PictureSearch',
    'Processor',
    'RetrievalInferencer',
    'SLANInferencer',
    'TaskInferencer',
    'VQAInferencer',
    'VideoRetrievalInferencer',
    'find_noun_phrases',
    'infer_video',
    'init_model',
    'mark_phrases',
    'mark_spans',
    'read_marked_text',
]
