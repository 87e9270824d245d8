from .collect import drawn_picture, drawn_pictures, spread_queries, visible_picture
from .comparison_figure import draw_panels
from .drawing import Canvas
from .locator_trace import LocatorTrace, trace_items
from .mlflow_backend import MLflowVisBackend
from .records import (
    DrawnBox,
    DrawnPhrase,
    DrawnPicture,
    ImageQuery,
    Numbers,
    Panel,
    PanelRow,
    TextQuery,
    Thumbnail,
)
from .region_figure import draw_regions
from .region_figure_hook import RegionFigureHook
from .retrieval_figure import draw_retrieval
from .sample_page_hook import SamplePageHook
from .training_frames_hook import TrainingFramesHook
from .video_writer import LabelledBox

__all__ = [
    'Canvas',
    'DrawnBox',
    'DrawnPhrase',
    'DrawnPicture',
    'ImageQuery',
    'LabelledBox',
    'LocatorTrace',
    'MLflowVisBackend',
    'Numbers',
    'Panel',
    'PanelRow',
    'RegionFigureHook',
    'SamplePageHook',
    'TextQuery',
    'Thumbnail',
    'TrainingFramesHook',
    'draw_panels',
    'draw_regions',
    'draw_retrieval',
    'drawn_picture',
    'drawn_pictures',
    'spread_queries',
    'trace_items',
    'visible_picture',
]
