"""A toy model at hand: its config, its checkpoint, and pictures."""

import numpy as np
import pytest
from PIL import Image


@pytest.fixture(scope='session')
def checkpoint(tmp_path_factory):
    import torch
    from support.toy import toy_config

    from slan_mm.registry import MODELS

    path = tmp_path_factory.mktemp('weights') / 'toy.pth'
    torch.manual_seed(0)
    torch.save({'state_dict': MODELS.build(toy_config()).state_dict()}, path)
    return path


@pytest.fixture
def config():
    from mmengine.config import Config
    from support.toy import SIZE, toy_config

    def build(**model):
        return Config(dict(model=toy_config(**model), image_size=SIZE, default_scope='slan_mm'))

    return build


@pytest.fixture
def photos(tmp_path):
    """A folder of three pictures, 90 wide and 30 high."""
    folder = tmp_path / 'photos'
    folder.mkdir()
    for number in range(3):
        pixels = np.random.default_rng(number).integers(0, 255, (30, 90, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f'{number}.png')
    return folder
