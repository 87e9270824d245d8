"""The files of demo/ are what the tool draws today."""

import numpy as np
import pytest
from draw_demo import main
from PIL import Image

from slan_mm.datasets.transforms import LoadVideo
from slan_mm.shipped import ROOT

pytest.importorskip('av')


@pytest.fixture(scope='module')
def drawn(tmp_path_factory):
    folder = tmp_path_factory.mktemp('demo') / 'demo'
    main([str(folder)])
    return folder


def names(folder, ending):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob(f'*{ending}'))


def test_pictures(drawn):
    assert len(names(drawn, '.png')) == 6 and names(drawn, '.png') == names(ROOT / 'demo', '.png')
    for name in names(drawn, '.png'):
        new, kept = (np.asarray(Image.open(folder / name)) for folder in (drawn, ROOT / 'demo'))
        assert np.array_equal(new, kept), name


def test_videos(drawn):
    load = LoadVideo(12)
    assert len(names(drawn, '.mp4')) == 4 and names(drawn, '.mp4') == names(ROOT / 'demo', '.mp4')
    for name in names(drawn, '.mp4'):
        new, kept = (np.stack(load({'img_path': str(folder / name)})['img']) for folder in (drawn, ROOT / 'demo'))
        # Encoders differ by a little.
        assert new.shape == kept.shape == (12, 64, 64, 3)
        assert np.abs(new.astype(float) - kept).mean() < 3, name
