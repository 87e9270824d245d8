"""Each frame of a video is asked, by models that have learned nothing."""

import json

import numpy as np
import pytest
import torch
from mmengine.config import Config
from support.film import av, write_film
from support.toy import SIZE, toy_config

from slan_mm.apis import CaptioningInferencer, GroundingInferencer, SLANInferencer, infer_video
from slan_mm.datasets.unreadable import UnreadableImageError
from slan_mm.datasets.video import Frame, Frames
from slan_mm.registry import MODELS


@pytest.fixture(scope='module')
def grounding(tmp_path_factory):
    folder = tmp_path_factory.mktemp('grounding')
    torch.manual_seed(0)
    torch.save({'state_dict': MODELS.build(toy_config()).state_dict()}, folder / 'toy.pth')
    cfg = Config(dict(model=toy_config(), image_size=SIZE, default_scope='slan_mm'))
    return SLANInferencer('grounding', cfg, folder / 'toy.pth', device='cpu', show_progress=False)


def noise(count, size=(50, 64)):
    rng = np.random.default_rng(0)
    return [np.kron(rng.integers(0, 255, (5, 8, 3)), np.ones((10, 8, 1))).astype(np.uint8) for _ in range(count)]


def frames_of(path):
    with av.open(str(path)) as film:
        return [(float(frame.time), frame.to_ndarray(format='rgb24')) for frame in film.decode(video=0)]


def test_a_frame_has_the_answer_of_the_picture_that_it_is(grounding, tmp_path):
    film = write_film(tmp_path / 'clip.mp4', noise(7))
    found = grounding.video(film, 'a [red circle]', tmp_path / 'out', every=3, batch_size=2, top=2)
    assert (found['frames'], found['unreadable']) == (3, 0)
    assert [(one['frame'], one['time']) for one in found['answers']] == [(0, 0.0), (3, 0.3), (6, 0.6)]
    assert json.loads((tmp_path / 'out' / '00000_clip.json').read_text()) == found
    for answer, frame in zip(found['answers'], Frames(str(film), 3), strict=True):
        (alone,) = grounding(frame.picture, 'a [red circle]', top=2)['predictions']
        assert answer['size'] == alone['size'] == [50, 64]
        for one, other in zip(answer['phrases'][0]['boxes'], alone['phrases'][0]['boxes'], strict=True):
            assert one == pytest.approx(other, abs=1e-2)


def test_the_video_shows_the_frames_with_boxes_at_their_times(grounding, tmp_path):
    film = write_film(tmp_path / 'clip.mp4', noise(4), begins=[0, 1, 2, 8])
    grounding.video(film, 'a [red circle]', tmp_path / 'out', number=3)
    written, given = frames_of(tmp_path / 'out' / '00003_clip.mp4'), frames_of(film)
    assert [time for time, _ in written] == pytest.approx([0, 0.1, 0.2, 0.8], abs=1e-3)
    for (_, picture), (_, source) in zip(written, given, strict=True):
        assert picture.shape == source.shape
        # The label's ground is the first colour of phrases, a dark blue.
        assert (np.abs(picture.astype(int) - (24, 100, 171)).max(-1) < 40).sum() > 100


def test_damaged_frames_keep_their_places(grounding, tmp_path, monkeypatch):
    film = str(write_film(tmp_path / 'clip.mp4', noise(4)))
    whole = list(Frames(film))
    monkeypatch.setattr(Frames, '__iter__', lambda _: iter([whole[0], Frame(1, 0.1, None), *whole[2:]]))
    found = grounding.video(film, 'a [red circle]', tmp_path / 'out', batch_size=2)
    assert (found['frames'], found['unreadable']) == (4, 1)
    assert found['answers'][1] == dict(frame=1, time=0.1, error=f'Cannot read frame 1 of {film}: it is damaged.')
    assert [time for time, _ in frames_of(tmp_path / 'out' / '00000_clip.mp4')] == pytest.approx([0, 0.2, 0.3])
    monkeypatch.setattr(Frames, '__iter__', lambda _: (Frame(frame.number, frame.seconds, None) for frame in whole))
    (tmp_path / 'empty').mkdir()
    with pytest.raises(UnreadableImageError, match=r'clip\.mp4: none of 4 frames can be decoded'):
        grounding.video(film, 'a [red circle]', tmp_path / 'empty')
    assert [path.name for path in (tmp_path / 'empty').glob('[!.]*')] == []


def test_mistakes_are_told(grounding, tmp_path):
    film = write_film(tmp_path / 'clip.mp4', noise(2))
    with pytest.raises(ValueError, match='captioning takes no video: grounding and detection do'):
        infer_video(object.__new__(CaptioningInferencer), film, None, tmp_path / 'out')
    assert isinstance(grounding.inferencer, GroundingInferencer)
    for asked, options, said in (
        ('a [dog', {}, "without ']'"),
        ('a [dog]', dict(every=0), 'every must be a whole number of at least 1, got 0'),
        ('a [dog]', dict(topp=2), 'grounding of a video has no option topp'),
    ):
        with pytest.raises(ValueError, match=said):
            grounding.video(film, asked, tmp_path / 'out', **options)
    with pytest.raises(UnreadableImageError, match=r'there is no picture .*gone\.mp4'):
        grounding.video(tmp_path / 'gone.mp4', 'a [dog]', tmp_path / 'out')
    (tmp_path / 'out' / '00000_clip.json').write_text('mine')
    (tmp_path / 'out' / '.written_by_slan_mm.json').unlink()
    with pytest.raises(FileExistsError, match='this tool did not write it'):
        grounding.video(film, 'a [dog]', tmp_path / 'out')
