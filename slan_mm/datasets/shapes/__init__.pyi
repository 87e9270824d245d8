from .alike import ShapesAlike
from .crowds import ShapesCrowds
from .dataset import ShapesPairs
from .detection import ShapesDetection
from .grammar import Caption, Phrase, draw_caption
from .grounding import ShapesGrounding
from .nlvr import ShapesNLVR
from .render import render_scene
from .scene import Scene, SceneObject, sample_scene
from .tokenizer import build_shapes_tokenizer
from .videos import ShapesVideos
from .vqa import ShapesVQA, shapes_answers

__all__ = [
    'Caption',
    'Phrase',
    'Scene',
    'SceneObject',
    'ShapesAlike',
    'ShapesCrowds',
    'ShapesDetection',
    'ShapesGrounding',
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
