"""A user's videos, found by a model that has learned nothing."""

import numpy as np
import pytest
import torch
from mmengine.config import Config
from support.tasks import build_toy_video_retrieval
from support.toy import SIZE, toy_config

from slan_mm.apis import VideoRetrievalInferencer
from slan_mm.datasets.unreadable import UnreadableImageError

av = pytest.importorskip('av', reason='the extra video is not installed')


def write_video(path, seed, frames=6):
    rng = np.random.default_rng(seed)
    with av.open(str(path), 'w') as container:
        stream = container.add_stream('mpeg4', rate=5)
        stream.width, stream.height, stream.pix_fmt = 64, 48, 'yuv420p'
        for _ in range(frames):
            picture = np.full((48, 64, 3), rng.integers(0, 255, 3), dtype=np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format='rgb24')))
        container.mux(stream.encode())


@pytest.fixture
def videos(tmp_path):
    folder = tmp_path / 'videos'
    folder.mkdir()
    for number in range(3):
        write_video(folder / f'{number}.mp4', number)
    return folder


@pytest.fixture
def retrieval(tmp_path):
    torch.save({'state_dict': build_toy_video_retrieval().state_dict()}, tmp_path / 'toy.pth')
    loader = dict(dataset=dict(pipeline=[dict(type='LoadVideo', num_frames=3)]))
    cfg = Config(
        dict(model=toy_config(type='VideoRetrieval'), image_size=SIZE, test_dataloader=loader, default_scope='slan_mm')
    )
    return VideoRetrievalInferencer(cfg, tmp_path / 'toy.pth', 'cpu', show_progress=False)


def test_videos_are_ranked_whatever_the_batch(retrieval, videos, tmp_path):
    texts = ['a red circle', 'a blue square']
    result = retrieval(videos, texts, batch_size=3, img_out_dir=tmp_path / 'pages')
    assert retrieval.loader.num_frames == 3 and len(result['visualization']) == 2
    alone = retrieval(videos, texts, batch_size=1)['predictions']
    for prediction, other in zip(result['predictions'], alone, strict=True):
        scores = {found['image']: found['score'] for found in prediction['found']}
        assert len(scores) == 3
        assert scores == pytest.approx({found['image']: found['score'] for found in other['found']}, abs=1e-3)


def test_broken_videos_and_other_things_are_told(retrieval, videos):
    (videos / '1.mp4').write_bytes((videos / '1.mp4').read_bytes()[:100])
    with pytest.raises(UnreadableImageError, match=r'1\.mp4'):
        retrieval(videos / '1.mp4', 'a circle')
    (prediction,) = retrieval(videos, 'a circle')['predictions']
    assert len(prediction['found']) == 2 and '1.mp4' not in str(prediction)
    with pytest.raises(TypeError, match='a video is a path'):
        retrieval(np.zeros((4, 4, 3), np.uint8), 'a circle')
