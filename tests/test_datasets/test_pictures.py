import os
from pathlib import Path

import pytest
from PIL import Image

from slan_mm.datasets.pictures import check_picture, list_pictures, read_picture
from slan_mm.datasets.real_folders import RealFolders
from slan_mm.datasets.transforms.load_image import FORMATS
from slan_mm.datasets.unreadable import UnreadableImageError
from slan_mm.file_endings import PICTURES


@pytest.fixture
def latin(images):
    """The path of a picture beside the others whose name is not UTF-8."""
    path = os.fsdecode(os.fsencode(images) + b'/photo\xe9.jpg')
    Path(path).write_bytes((images / 'a.jpg').read_bytes())
    return path


def test_in_a_folder_names_that_are_not_utf8_are_left_out_and_counted(images, latin, monkeypatch):
    said = []
    monkeypatch.setattr('slan_mm.datasets.pictures.print_log', lambda line, *_: said.append(line))
    assert [path.name for path in list_pictures(images)] == [f'{name}.jpg' for name in 'abcdef']
    assert said == [f'1 pictures are left out, their names are not UTF-8: rename them. The first is {latin!a}']
    skipped: list[str] = []
    assert len(list_pictures([images, images / 'a.jpg'], skipped=skipped)) == 7
    assert skipped == [ascii(latin)] and len(said) == 1


def test_by_itself_such_a_name_is_refused(images, latin):
    for call in (list_pictures, read_picture):
        with pytest.raises(UnreadableImageError, match=r'photo\\udce9\.jpg.* is not UTF-8: rename it'):
            call(latin)
    folder = images / 'latin'
    folder.mkdir()
    Path(latin).rename(os.fsdecode(os.fsencode(folder) + b'/\xe9.jpg'))
    with pytest.raises(ValueError, match='no picture in .*latin: no name of 1 is UTF-8'):
        list_pictures(folder)


@pytest.mark.parametrize('size', [(0, 5), (5, 0)])
def test_a_picture_without_pixels(size):
    for read in (read_picture, check_picture):
        with pytest.raises(ValueError, match=f'a picture of {size[0]} x {size[1]} has no pixels'):
            read(Image.new('RGB', size))


def test_a_name_in_a_folder_may_begin_with_a_tilde(images, monkeypatch):
    monkeypatch.chdir(images)
    (images / '~nobody-has-this-name.png').write_bytes((images / 'a.jpg').read_bytes())
    (name,) = [path for path in list_pictures('.') if path.name.startswith('~')]
    assert read_picture(name).shape[2] == 3


def test_paths_below_a_link_to_a_folder(tmp_path):
    (tmp_path / 'real/sub').mkdir(parents=True)
    (tmp_path / 'far/away').mkdir(parents=True)
    (tmp_path / 'far/away/link').symlink_to(tmp_path / 'real')
    for path in ('real/sub/a.png', 'far/away/link/sub/a.png'):
        assert RealFolders().below(tmp_path / path, tmp_path / 'far/away/link') == 'sub/a.png'
    # A picture that is a link is a name in its folder.
    (tmp_path / 'real/b.png').symlink_to(tmp_path / 'far/b.png')
    assert RealFolders().below(tmp_path / 'real/b.png', tmp_path / 'real') == 'b.png'


def test_folders_show_the_formats_of_photographs():
    Image.init()
    endings = {ending for ending, name in Image.registered_extensions().items() if name in FORMATS}
    assert PICTURES - {'.heic', '.heif'} <= endings
    for name in ('JPEG', 'PNG', 'WEBP', 'TIFF', 'GIF', 'BMP', 'PPM', 'JPEG2000', 'MPO'):
        assert any(Image.registered_extensions().get(ending) == name for ending in PICTURES), name
