from slan_mm.visualization.collect import drawn_picture, drawn_pictures, spread_queries, visible_picture
from slan_mm.visualization.comparison_figure import draw_panels
from slan_mm.visualization.drawing import Canvas
from slan_mm.visualization.locator_trace import LocatorTrace, trace_items
from slan_mm.visualization.records import (
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
from slan_mm.visualization.region_figure import draw_regions
from slan_mm.visualization.region_figure_hook import RegionFigureHook
from slan_mm.visualization.retrieval_figure import draw_retrieval
from slan_mm.visualization.sample_page_hook import SamplePageHook
from slan_mm.visualization.training_frames_hook import TrainingFramesHook
from slan_mm.visualization.video_writer import LabelledBox

__all__ = [
    'Canvas',
    'DrawnBox',
    'DrawnPhrase',
    'DrawnPicture',
    'ImageQuery',
    'LabelledBox',
    'LocatorTrace',
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
