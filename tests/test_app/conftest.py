"""The published model, a user's picture, and models of the other tasks with random weights."""

import numpy as np
import pytest
from PIL import Image

#: A config of each task that the tab Tasks has.
TASK_CONFIGS = {
    'captioning': 'configs/captioning/slan_tiny_shapes_captioning.py',
    'vqa': 'configs/vqa/slan_tiny_shapes_vqa.py',
    'nlvr2': 'configs/nlvr2/slan_tiny_shapes_nlvr2.py',
    'detection': 'configs/detection/slan_tiny_shapes_detection.py',
}


@pytest.fixture(scope='session')
def model():
    from slan_mm.app.models import AppModel
    from slan_mm.shipped import ROOT, TINY_MODEL

    return AppModel(*(str(ROOT / name) for name in TINY_MODEL), device='cpu')


@pytest.fixture(scope='session')
def task_model(tmp_path_factory):
    """The model of a task by its name, made once."""
    import torch
    from mmengine.config import Config

    from slan_mm.app.models import AppModel
    from slan_mm.registry import MODELS
    from slan_mm.shipped import ROOT

    folder, made = tmp_path_factory.mktemp('tasks'), {}

    def get(task):
        if task not in made:
            file = ROOT / TASK_CONFIGS[task]
            torch.manual_seed(0)
            weights = folder / f'{task}.pth'
            torch.save({'state_dict': MODELS.build(Config.fromfile(file).model).state_dict()}, weights)
            made[task] = AppModel(str(file), str(weights), device='cpu')
        return made[task]

    return get


@pytest.fixture
def picture(tmp_path):
    """A picture of a user, 320 wide and 240 high: a red disc around (80, 80), a blue square around (245, 180)."""
    pixels = np.full((240, 320, 3), 200, np.uint8)
    rows, columns = np.mgrid[:240, :320]
    pixels[(rows - 80) ** 2 + (columns - 80) ** 2 < 40**2] = (220, 30, 30)
    pixels[150:210, 210:280] = (40, 60, 220)
    Image.fromarray(pixels).save(tmp_path / 'mine.png')
    return str(tmp_path / 'mine.png')
