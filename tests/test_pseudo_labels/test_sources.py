"""Pictures and the things that captions name."""

import numpy as np
import pytest
from PIL import Image

from slan_mm.pseudo_labels.categories import Categories
from slan_mm.pseudo_labels.sources import all_phrases, find_source, marked_phrases, name_things

CATEGORIES = Categories({'dog': ('puppy',), 'grass': (), 'cross': ()})


@pytest.fixture
def folder(tmp_path):
    (tmp_path / 'images').mkdir()
    for number in range(4):
        Image.fromarray(np.zeros((20, 30, 3), np.uint8)).save(tmp_path / 'images' / f'{number}.png')
    (tmp_path / 'captions.csv').write_text(
        'image,caption\n0.png,two dogs on green grass\n0.png,a [small puppy] sleeps on the grass\n1.png,a red car\n'
        '2.png,a [dog\n3.png,small blue cross\n'
    )
    return tmp_path


def test_things_of_captions(folder):
    source = find_source(folder)
    assert source.root == folder / 'images'
    assert {'two dogs', 'small puppy', 'red car'} <= set(all_phrases(source.pictures))
    before = source.signature()
    name_things(source, CATEGORIES)
    first, last = source.pictures
    named = [(first.captions[number][slice(*span)], name) for number, span, name in first.things]
    assert named == [('two dogs', 'dog'), ('green grass', 'grass'), ('small puppy', 'dog')]
    assert first.captions[1] == 'a small puppy sleeps on the grass'
    assert last.things == [(0, [0, 16], 'cross')]  # the chunker knows no noun here
    assert source.left_out == {
        'its captions name none of the categories': 1, 'brackets of its captions are wrong': 1
    }  # fmt: skip
    assert source.signature() != before


def test_pictures_without_captions_are_asked_for_all_categories(folder):
    source = find_source(folder / 'images')
    name_things(source, CATEGORIES)
    assert len(source.pictures) == 4
    assert source.pictures[0].captions == ['dog', 'grass', 'cross']
    assert source.pictures[0].things[1] == (1, [0, 5], 'grass')


def test_a_format_that_is_not_told(folder):
    (folder / 'x.json').write_text('[]')
    with pytest.raises(ValueError, match='tell its format by --format'):
        find_source(folder / 'x.json')


def test_names_have_their_adjectives():
    text = 'yellow cross left of pink square right of the cross'
    text, spans = marked_phrases(text, Categories({'cross': (), 'square': ()}))
    assert [text[a:b] for a, b in spans] == ['yellow cross', 'pink square', 'cross']


def test_a_bracket_alone_is_wrong():
    with pytest.raises(ValueError, match='without'):
        marked_phrases('a dog]', CATEGORIES)


def test_replaced_pictures_are_known(folder):
    source = find_source(folder)
    before = source.content()
    assert find_source(folder).content() == before
    Image.fromarray(np.full((50, 50, 3), 255, np.uint8)).save(folder / 'images/1.png')
    assert source.content() != before and source.signature() == find_source(folder).signature()


def test_data_that_are_not_there(tmp_path):
    with pytest.raises(FileNotFoundError, match='none does not exist: give a folder, or a caption file'):
        find_source(tmp_path / 'none')
