from .base import TaskInferencer
from .captioning_inferencer import CaptioningInferencer
from .detection_inferencer import DetectionInferencer
from .grounding_inferencer import GroundingInferencer
from .index_parts import PictureIndexError
from .inferencer import INFERENCERS, SLANInferencer
from .marking import MarkedText, find_noun_phrases, mark_phrases, mark_spans, read_marked_text
from .model import init_model
from .nlvr2_inferencer import NLVR2Inferencer
from .picture_index import PictureIndex
from .processor import Processor
from .retrieval_inferencer import RetrievalInferencer
from .search import Indexed, PictureSearch
from .video_answers import infer_video
from .video_retrieval_inferencer import VideoRetrievalInferencer
from .vqa_inferencer import VQAInferencer

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
