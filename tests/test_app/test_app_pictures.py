"""Pictures that come in: what is no picture, or too much of one, is told without a path of the machine."""

import numpy as np
import pytest
from PIL import Image

from slan_mm.app import pictures
from slan_mm.app.messages import AppError, told, without_paths
from slan_mm.app.pictures import read_upload
from slan_mm.visualization.jpeg import data_uri, from_jpeg, shrink, to_jpeg


@pytest.fixture(scope='module')
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp('uploads')
    Image.new('1', (15_000, 15_000)).save(folder / 'bomb.png')
    Image.new('1', (10_000, 10_000)).save(folder / 'huge.png')
    (folder / 'letter.png').write_text('Dear app, this is no picture.')
    (folder / 'empty.png').touch()
    whole = folder / 'whole.png'
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (50, 60, 3), np.uint8)).save(whole)
    (folder / 'cut.png').write_bytes(whole.read_bytes()[:2000])
    return folder


@pytest.mark.parametrize(
    ('name', 'message'),
    [
        ('bomb.png', 'The picture has more than 50 million pixels. Make it smaller.'),
        ('huge.png', 'The picture has more than 50 million pixels. Make it smaller.'),
        ('letter.png', 'This file is no picture: give a JPEG, PNG, WebP, GIF, BMP or TIFF file.'),
        ('empty.png', 'This file is no picture: give a JPEG, PNG, WebP, GIF, BMP or TIFF file.'),
        ('cut.png', 'The picture cannot be read: the file is damaged or incomplete.'),
        ('no_such.png', 'The picture cannot be read: the file is damaged or incomplete.'),
        ('', 'The picture cannot be read: the file is damaged or incomplete.'),
    ],
)
def test_a_bad_file_is_told(files, name, message):
    with pytest.raises(AppError) as raised:
        read_upload(str(files / name))
    assert str(raised.value) == message


def test_no_file_and_a_large_one_are_told(files, monkeypatch):
    with pytest.raises(AppError, match='Choose a left picture first'):
        read_upload(None, 'left picture')
    monkeypatch.setattr(pictures, 'MAX_BYTES', 100)
    with pytest.raises(AppError, match='larger than'):
        read_upload(str(files / 'whole.png'))


def test_a_picture_is_shown_small_and_without_a_file(files):
    pixels = read_upload(str(files / 'whole.png'))
    assert pixels.shape == (50, 60, 3)
    small = shrink(np.zeros((400, 900, 3), np.uint8), 90)
    assert small.shape == (40, 90, 3) and from_jpeg(to_jpeg(small)).shape == small.shape
    assert data_uri(to_jpeg(small)).startswith('data:image/jpeg;base64,/9j/')


@pytest.mark.parametrize(
    ('text', 'expected'),
    [
        ('there is no picture /home/someone/secret/dog.jpg', 'there is no picture dog.jpg'),
        ("'/srv/x/index' is damaged (a/b)", "'index' is damaged (a/b)"),
        ('~/pictures/a.png: unreadable', 'a.png: unreadable'),
        (r'C:\Users\me\a.png is bad', 'a.png is bad'),
        ('1/2 of a score in [0, 1]', '1/2 of a score in [0, 1]'),
    ],
)
def test_messages_name_no_path(text, expected):
    assert without_paths(text) == expected


def test_a_fault_is_told_without_its_details(caplog):
    @told
    def fail():
        raise KeyError('/home/someone/secret')

    with pytest.raises(AppError) as raised:
        fail()
    assert 'secret' not in str(raised.value) and 'its log' in str(raised.value).lower()
    assert 'secret' in caplog.text
