"""Pictures and videos whose files are changed: read as the decoder reads them, or refused in a line."""

import io

import numpy as np
import pytest
from PIL import Image
from support.fuzzing import fuzz

from slan_mm.datasets.transforms.load_image import load_image, to_rgb, upright_size
from slan_mm.datasets.unreadable import UnreadableImageError


def told(error):
    return isinstance(error, UnreadableImageError)


@pytest.mark.parametrize('name', ['a.jpg', 'a.png', 'a.webp', 'a.gif', 'a.bmp', 'a.tif', 'a.ppm', 'a.tga', 'rgba.png'])
def test_fuzzed_pictures(tmp_path, name):
    file = tmp_path / name
    pixels = np.random.default_rng(0).integers(0, 256, (9, 13, 4 if name == 'rgba.png' else 3), dtype=np.uint8)
    Image.fromarray(pixels).save(file)

    def read():
        return load_image(str(file)), upright_size(str(file))

    def check(found):
        picture, size = found
        with Image.open(io.BytesIO(file.read_bytes())) as plain:
            expected = np.array(to_rgb(plain))
        assert picture.dtype == np.uint8 and picture.shape == (*size, 3)
        # A changed EXIF may turn it.
        assert picture.shape != expected.shape or (picture == expected).all() or plain.getexif()

    counts = fuzz(read, file, check, skipped=told)
    assert min(counts.values()) > 0


@pytest.mark.parametrize('name', ['a.mp4', 'a.avi', 'a.mkv'])
def test_fuzzed_videos(tmp_path, name):
    film = pytest.importorskip('support.film', reason='the extra video is not installed')
    from slan_mm.datasets.video import Frames, load_frames

    file = film.write_film(tmp_path / name, 6)

    def read():
        frames, count = load_frames(str(file), lambda count: np.arange(count))
        return frames, count, list(Frames(str(file)))

    def check(found):
        frames, count, one_by_one = found
        assert len(frames) == count == len(one_by_one)
        assert [frame.number for frame in one_by_one] == list(range(count))
        for frame in frames:
            assert frame.dtype == np.uint8 and frame.ndim == 3 and frame.shape[2] == 3
        seconds = [frame.seconds for frame in one_by_one]
        assert seconds == sorted(seconds) and np.isfinite(seconds).all()

    counts = fuzz(read, file, check, skipped=told)
    assert min(counts.values()) > 0
