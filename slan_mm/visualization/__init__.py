from slan_mm.visualization.canvas import Canvas
from slan_mm.visualization.collect import drawn_picture, drawn_pictures, retrieval_queries, visible_picture
from slan_mm.visualization.frames_hook import TrainingFramesHook
from slan_mm.visualization.hook import RegionFigureHook
from slan_mm.visualization.look import Look, look_at
from slan_mm.visualization.panel_figure import draw_panels
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
from slan_mm.visualization.retrieval_figure import draw_retrieval

__all__ = [
    'Canvas',
    'DrawnBox',
    'DrawnPhrase',
    'DrawnPicture',
    'ImageQuery',
    'Look',
    'Numbers',
    'Panel',
    'PanelRow',
    'RegionFigureHook',
    'TextQuery',
    'Thumbnail',
    'TrainingFramesHook',
    'draw_panels',
    'draw_regions',
    'draw_retrieval',
    'drawn_picture',
    'drawn_pictures',
    'look_at',
    'retrieval_queries',
    'visible_picture',
]
