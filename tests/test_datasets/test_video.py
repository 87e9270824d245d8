import os

import numpy as np
import pytest
from support.film import SIZE, av, numbers, turn_film, write_cover, write_film, write_sound

from slan_mm.datasets.frame_sampling import uniform_moments
from slan_mm.datasets.unreadable import UnreadableImageError
from slan_mm.datasets.video import Frames, load_frames


def every(total):
    return np.arange(total)


def test_frames_and_their_number(tmp_path):
    frames, total = load_frames(str(write_film(tmp_path / 'a.mp4', 8)), every)
    assert total == 8 and numbers(frames) == list(range(8))
    assert all(frame.shape == (*SIZE, 3) and frame.dtype == np.uint8 for frame in frames)
    frames, _ = load_frames(str(tmp_path / 'a.mp4'), lambda total: np.array([1, 1, 6]))
    assert numbers(frames) == [1, 1, 6]


def test_a_file_that_does_not_tell_its_length(tmp_path):
    path = write_film(tmp_path / 'a.mkv', 6)  # Matroska writes no number of frames
    with av.open(str(path)) as film:
        assert film.streams.video[0].frames == 0
    frames, total = load_frames(str(path), every)
    assert total == 6 and numbers(frames) == list(range(6))


def test_a_file_that_tells_too_many_frames(tmp_path):
    path = write_film(tmp_path / 'a.avi', 5)
    content = bytearray(path.read_bytes())
    # The stream's header: eight words between its name and the number of frames.
    place = content.index(b'strh') + 4 + 4 + 8 * 4
    assert content[place : place + 4] == (5).to_bytes(4, 'little')
    content[place : place + 4] = (9).to_bytes(4, 'little')
    path.write_bytes(content)
    with av.open(str(path)) as film:
        assert film.streams.video[0].frames == 9
    frames, total = load_frames(str(path), every)
    assert total == 5 and numbers(frames) == list(range(5))


def test_colours_and_rotation(tmp_path):
    picture = np.zeros((32, 48, 3), np.uint8)
    picture[:16, :24, 0] = 255  # a red corner, upper left
    path = write_film(tmp_path / 'a.mp4', [picture] * 3)
    (frame, *_), _ = load_frames(str(path), every)
    assert frame[4, 4, 0] > 180 > 80 > frame[4, 4, 1:].max() and frame[28, 40].max() < 40
    turn_film(path)
    (frame, *_), _ = load_frames(str(path), every)
    assert frame.shape == (48, 32, 3)
    assert frame[4, 28, 0] > 180 and frame[44, 4].max() < 40  # upper right, after a quarter turn clockwise


@pytest.mark.parametrize('kind', ['missing', 'empty', 'text', 'cut', 'sound'])
def test_broken_videos(tmp_path, kind):
    path = tmp_path / 'a.mp4'
    if kind == 'sound':
        write_sound(path)
    elif kind == 'cut':
        write_film(path, 8)
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    elif kind != 'missing':
        path.write_text('' if kind == 'empty' else 'no video at all')
    with pytest.raises(UnreadableImageError, match=r'Cannot read video .*a\.mp4'):
        load_frames(str(path), every)


def test_no_frames(tmp_path):
    path = write_film(tmp_path / 'a.mkv', [], container='matroska')
    with pytest.raises(UnreadableImageError, match='Cannot read video'):
        load_frames(str(path), every)


@pytest.mark.parametrize('ending', ['mp4', 'mkv'])
@pytest.mark.parametrize('shift', [0, 7])
def test_what_counts_is_time(tmp_path, ending, shift):
    # Five frames in half a second, one for five seconds and one for one tenth, or for as long as the container tells.
    begins = [shift + begin for begin in (0, 1, 2, 3, 4, 5, 55)]
    path = str(write_film(tmp_path / f'a.{ending}', 7, begins=begins))
    seen, total = load_frames(path, lambda total: uniform_moments(total, 8))
    assert total == 7 and numbers(seen) == [3, 5, 5, 5, 5, 5, 5, 5]
    assert numbers(load_frames(path, lambda total: np.array([total * 0.01, total * 0.999]))[0]) == [0, 6]


def test_a_stream_without_times_has_equally_long_frames(tmp_path):
    path = str(write_film(tmp_path / 'a.h264', 8))
    with av.open(path) as film:
        assert all(packet.pts is None for packet in film.demux(video=0))
    frames, total = load_frames(path, every)
    assert total == 8 and numbers(frames) == list(range(8))


def test_a_cover_picture_is_no_video(tmp_path):
    with pytest.raises(UnreadableImageError, match='it has no video frame'):
        load_frames(str(write_cover(tmp_path / 'a.mp4')), every)


@pytest.mark.parametrize('name', ['a.mp4', 'a.mkv', 'a.h264'])
def test_every_third_frame_in_order(tmp_path, name):
    frames = Frames(str(write_film(tmp_path / name, 8)), 3)
    seen = list(frames)
    assert len(frames) == 3 and [frame.number for frame in seen] == [0, 3, 6]
    assert numbers([frame.picture for frame in seen]) == [0, 3, 6]
    assert frames.rate in (10, 25)  # a bare stream tells no rate
    assert [frame.seconds for frame in seen] == pytest.approx([0, 3 / frames.rate, 6 / frames.rate], abs=1e-3)


def test_a_damaged_frame_is_told_in_its_place(tmp_path):
    path = write_film(tmp_path / 'a.mp4', [np.full((*SIZE, 3), 20 * n, np.uint8) for n in range(6)])
    with av.open(str(path)) as film:
        third = [packet for packet in film.demux(video=0) if packet.size][3]
        place, size = third.pos, third.size
    content = bytearray(path.read_bytes())
    content[place : place + size] = bytes(size)
    path.write_bytes(content)
    seen = list(Frames(str(path)))
    assert [frame.number for frame in seen] == list(range(6))
    assert [frame.number for frame in seen if frame.picture is None] == [3]


@pytest.mark.parametrize('kind', ['missing', 'text', 'cover'])
def test_no_video(tmp_path, kind):
    path = tmp_path / 'a.mp4'
    if kind == 'cover':
        write_cover(path)
    elif kind == 'text':
        path.write_text('no video at all')
    with pytest.raises(UnreadableImageError, match=r'Cannot read video .*a\.mp4'):
        Frames(str(path))


@pytest.mark.parametrize(
    'content',
    [
        'ffconcat version 1.0\nfile film.mp4\n',
        '#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfilm.mp4\n#EXT-X-ENDLIST\n',
    ],
)
def test_a_playlist_opens_no_other_file(tmp_path, content):
    write_film(tmp_path / 'film.mp4')
    (tmp_path / 'list.mp4').write_text(content)
    with pytest.raises(UnreadableImageError, match='Cannot read video .*list.mp4'):
        load_frames(str(tmp_path / 'list.mp4'), lambda count: np.arange(count))


@pytest.mark.parametrize('start', ['concat:', 'subfile,,start,0,end,0,,:', 'http://127.0.0.1:9/'])
def test_a_path_is_no_address(tmp_path, start):
    write_film(tmp_path / 'film.mp4')
    with pytest.raises(UnreadableImageError, match='FileNotFoundError'):
        load_frames(f'{start}{tmp_path}/film.mp4', lambda count: np.arange(count))


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / 'film.mp4')
    with pytest.raises(UnreadableImageError, match='not a regular file'):
        load_frames(str(tmp_path / 'film.mp4'), lambda count: np.arange(count))


def test_a_codec_that_nobody_knows_is_told(tmp_path):
    """PyAV has no decoder for it, and would end the process where it is asked for a frame."""
    path = write_film(tmp_path / 'a.avi')
    path.write_bytes(path.read_bytes().replace(b'FMP4', b'Q?Q?'))
    for read in (lambda: load_frames(str(path), np.arange), lambda: list(Frames(str(path)))):
        with pytest.raises(UnreadableImageError, match=r'a\.avi: it has no video frame'):
            read()
