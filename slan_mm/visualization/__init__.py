from slan_mm.visualization.canvas import Canvas
from slan_mm.visualization.collect import drawn_picture, drawn_pictures, retrieval_queries, visible_picture
from slan_mm.visualization.hook import RegionFigureHook
from slan_mm.visualization.records import DrawnPhrase, DrawnPicture, ImageQuery, TextQuery, Thumbnail
from slan_mm.visualization.region_figure import draw_regions
from slan_mm.visualization.retrieval_figure import draw_retrieval

__all__ = [
    'Canvas',
    'DrawnPhrase',
    'DrawnPicture',
    'ImageQuery',
    'RegionFigureHook',
    'TextQuery',
    'Thumbnail',
    'draw_regions',
    'draw_retrieval',
    'drawn_picture',
    'drawn_pictures',
    'retrieval_queries',
    'visible_picture',
]
