"""Search as the app shows it: an index of the drawn pictures, and folders that are added."""

import re
from pathlib import Path

import pytest

from slan_mm.app.messages import AppError
from slan_mm.app.samples import sample_pictures
from slan_mm.app.search import AppSearch


@pytest.fixture(scope='module')
def search(model, tmp_path_factory):
    folder = tmp_path_factory.mktemp('search')
    sample_pictures(folder / 'samples', 6)
    return AppSearch(model, folder / 'index', folder / 'samples', may_add=True)


def test_samples_are_drawn_with_their_captions(tmp_path):
    made = sample_pictures(tmp_path / 'samples', 2)
    assert made == sample_pictures(tmp_path / 'samples', 2), 'the same each time'
    assert all(path.is_file() and caption for path, caption in made)


def test_the_best_picture_comes_first_with_its_boxes(search):
    """The first drawn picture alone has an orange triangle."""
    page = search.search('an [orange triangle]', 3)
    names = re.findall(r'<b>(\d)\. ([\w.-]+)</b>', page)
    assert [rank for rank, _ in names] == ['1', '2', '3'] and names[0][1] == 'shapes-00.png'
    assert (
        page.count('<svg') == page.count('rect class="best"') == 3
        and page.count('match 0.') + page.count('match 1.') == 3
    )
    assert str(search.folder.parent) not in page
    assert search.size() == '6 pictures are in the index.'


def test_more_than_there_are_gives_all(search):
    assert search.search('star', 30).count('<li>') == 6 and search.search('star', 0).count('<li>') == 1


def test_a_folder_is_added(model, picture, tmp_path):
    sample_pictures(tmp_path / 'samples', 2)
    search = AppSearch(model, tmp_path / 'index', tmp_path / 'samples', may_add=True)
    own = Path(picture).parent / 'own'
    own.mkdir()
    Path(picture).rename(own / 'mine.png')
    (own / 'letter.png').write_text('no picture')
    said = search.add(f' {own} ')
    assert (
        said.startswith('1 pictures added') and '1 unreadable' in said and said.endswith('3 pictures are in the index.')
    )
    assert 'mine.png' in search.search('a [red circle]', 3)
    (own / 'mine.png').unlink()
    assert 'has gone since' in search.search('a [red circle]', 3)


@pytest.mark.parametrize(
    ('folder', 'message'),
    [
        ('', 'Write a name of a folder first.'),
        ('/no/such/folder', 'There is no such folder.'),
        ('x' * 300, 'There is no such folder.'),
        ('{index}', 'no picture in'),
    ],
)
def test_what_is_no_folder_of_pictures_is_told(search, folder, message):
    search.size()
    with pytest.raises(AppError) as raised:
        search.add(folder.format(index=search.folder))
    assert message in str(raised.value) and str(search.folder) not in str(raised.value)


def test_only_who_sits_at_the_machine_adds_folders(model, search):
    other = AppSearch(model, search.folder, may_add=False)
    with pytest.raises(AppError, match='only where the app runs on your own machine'):
        other.add(str(search.samples))


def test_an_index_that_is_not_there_is_told_without_its_path(model, tmp_path):
    with pytest.raises(AppError) as raised:
        AppSearch(model, tmp_path / 'none').search('star')
    assert 'none' in str(raised.value) and str(tmp_path) not in str(raised.value)
