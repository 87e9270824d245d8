"""Figures of a run are files as well as pictures of its visualizer."""

import io
import logging
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
from mmengine.config import Config
from mmengine.registry import VISBACKENDS, DefaultScope
from mmengine.visualization import Visualizer
from mmengine.visualization.vis_backend import BaseVisBackend
from PIL import Image
from support.shrink import shrink
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from slan_mm.engine.launch import build_runner
from slan_mm.visualization import Canvas
from slan_mm.visualization.run_figure import record_figure

CONFIG = Path(__file__).parents[2] / 'configs/grounding/slan_tiny_shapes_grounding.py'


def shown(folder):
    """The pictures in TensorBoard's files below a folder, as arrays by their name and step."""
    pictures = {}
    for file in folder.rglob('events.out.tfevents.*'):
        events = EventAccumulator(str(file), size_guidance=dict(images=0)).Reload()
        for name in events.Tags()['images']:
            for event in events.Images(name):
                pictures[name, event.step] = np.asarray(Image.open(io.BytesIO(event.encoded_image_string)))
    return pictures


def test_tensorboard_shows_the_figures_of_a_training_and_a_test(tmp_path):
    cfg = shrink(Config.fromfile(CONFIG))
    cfg.merge_from_dict(
        {
            'work_dir': str(tmp_path),
            # MMEngine keeps a visualizer by its name for the whole process; the configs' name is that of other tests.
            'visualizer.name': tmp_path.name,
            'train_cfg.max_iters': 2,
            'visualizer.vis_backends': [dict(type='TensorboardVisBackend')],
            'default_hooks.frames': dict(type='TrainingFramesHook', at=[0.0, 1.0], indices=[0]),
            'default_hooks.visualization': dict(type='RegionFigureHook', draw=True, max_pictures=2),
        }
    )
    runner = build_runner(cfg)
    runner.train()
    runner.test()
    files = {
        ('frames', 0): 'frames/iter_000000.png',
        ('frames', 2): 'frames/iter_000002.png',
        ('regions', 0): 'figures/regions.png',
    }
    pictures = shown(tmp_path)
    assert pictures.keys() == files.keys()
    for key, file in files.items():
        with Image.open(tmp_path / file) as image:
            assert np.array_equal(np.asarray(image.convert('RGB')), pictures[key]), file
    assert len(list(tmp_path.rglob('*.png'))) == len(files)


class Offline(BaseVisBackend):
    """A server that does not answer."""

    def __init__(self, save_dir: str) -> None:
        super().__init__(save_dir)

    def _init_env(self) -> None:
        raise AssertionError('not asked for')

    @property
    def experiment(self) -> None:
        return None

    def add_image(self, name: str, image: np.ndarray, step: int = 0, **kwargs: object) -> None:
        raise ConnectionError('no route to host')


@pytest.fixture
def offline():
    # MMEngine's own registry, which is found whatever scope other tests have left as the default.
    VISBACKENDS.register_module(module=Offline)
    yield Visualizer(vis_backends=[dict(type='Offline')], save_dir='unused')
    VISBACKENDS.module_dict.pop('Offline')


def test_a_server_that_does_not_answer_does_not_end_the_run(offline, tmp_path, caplog):
    runner = SimpleNamespace(visualizer=offline, logger=logging.getLogger('test'))
    record_figure(runner, Canvas(20, 10), tmp_path / 'a.png', 'a')
    assert (tmp_path / 'a.png').is_file()
    assert 'figure a is not shown by the visualizer (ConnectionError: no route to host)' in caplog.text


def test_mlflow_keeps_each_picture_by_name_and_step(tmp_path, monkeypatch):
    """mlflow is no part of the test tools: a module in its place writes down what is asked of it."""
    pictures = []
    module = ModuleType('mlflow')
    module.log_image = lambda image, **named: pictures.append((image.shape, named))
    for name in ('set_tracking_uri', 'get_experiment_by_name', 'set_experiment'):
        setattr(module, name, lambda uri_or_name: uri_or_name)
    monkeypatch.setitem(sys.modules, 'mlflow', module)
    with DefaultScope.overwrite_default_scope('slan_mm'):
        backend = VISBACKENDS.build(dict(type='MLflowVisBackend', save_dir=str(tmp_path), tracking_uri='sqlite://'))
    for step in (0, 40):
        backend.add_image('frames', np.zeros((4, 6, 3), np.uint8), step)
    assert pictures == [((4, 6, 3), dict(key='frames', step=step)) for step in (0, 40)]
