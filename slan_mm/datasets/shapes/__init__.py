from slan_mm.datasets.shapes.dataset import ShapesPairs
from slan_mm.datasets.shapes.grammar import Caption, Phrase, draw_caption
from slan_mm.datasets.shapes.nlvr import ShapesNLVR
from slan_mm.datasets.shapes.render import render_scene
from slan_mm.datasets.shapes.scene import Scene, SceneObject, sample_scene
from slan_mm.datasets.shapes.tokenizer import build_shapes_tokenizer
from slan_mm.datasets.shapes.videos import ShapesVideos
from slan_mm.datasets.shapes.vqa import ShapesVQA, shapes_answers

__all__ = [
    'Caption',
    'Phrase',
    'Scene',
    'SceneObject',
    'ShapesNLVR',
    'ShapesPairs',
    'ShapesVQA',
    'ShapesVideos',
    'build_shapes_tokenizer',
    'draw_caption',
    'render_scene',
    'sample_scene',
    'shapes_answers',
]
