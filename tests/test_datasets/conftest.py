import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """A folder of six readable 12 x 8 pictures, a.jpg ... f.jpg, each of one colour."""
    folder = tmp_path / 'images'
    folder.mkdir()
    for number, name in enumerate('abcdef'):
        Image.new('RGB', (12, 8), (40 * number, 0, 0)).save(folder / f'{name}.jpg')
    return folder


@pytest.fixture
def write(tmp_path: Path):
    """Writes text, or json of anything else, into a file below ``tmp_path`` and returns its path."""

    def _write(name: str, content: object, **json_options) -> str:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content if isinstance(content, str) else json.dumps(content, **json_options), encoding='utf-8')
        return str(path)

    return _write


@pytest.fixture
def karpathy() -> dict:
    """A small file in Karpathy's format: images a, b, c in train, d in val."""
    return {
        'dataset': 'flickr8k',
        'images': [
            {
                'filename': f'{name}.jpg',
                'imgid': number,
                'split': 'val' if name == 'd' else 'train',
                'sentences': [{'raw': f'{name} first caption .'}, {'raw': f'{name} second caption .'}],
            }
            for number, name in enumerate('abcd')
        ],
    }


@pytest.fixture
def truncate():
    """Cuts a file to half its length."""

    def _truncate(path: Path) -> None:
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])

    return _truncate


@pytest.fixture
def noisy_image() -> Image.Image:
    """A 64 x 48 picture of noise, whose jpg is long enough to be cut in the middle."""
    return Image.fromarray(np.random.default_rng(0).integers(0, 255, (48, 64, 3), dtype=np.uint8))
