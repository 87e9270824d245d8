"""Pictures are encoded once, and texts find them; the model is a toy."""

import json
import os
import shutil
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from support.toy import toy_config

from slan_mm.apis import GroundingInferencer, PictureIndex, PictureIndexError, PictureSearch, RetrievalInferencer
from slan_mm.registry import MODELS
from slan_mm.visualization import Canvas

SEARCH = import_module('slan_mm.apis.search')
TEXT = 'a [red circle] next to a [blue square]'


@pytest.fixture
def search(config, checkpoint):
    """A searcher that counts the pictures it encodes."""
    searcher = PictureSearch(config(), checkpoint, device='cpu', show_progress=False)
    encode, searcher.encoded = searcher.model.encode_image, 0

    def counted(inputs):
        searcher.encoded += len(inputs)
        return encode(inputs)

    searcher.model.encode_image = counted
    return searcher


@pytest.fixture
def index(search, photos, tmp_path):
    search.index(tmp_path / 'index', photos, batch_size=2, store_features=True)
    search.encoded = 0
    return tmp_path / 'index'


def photo(path, seed):
    Image.fromarray(np.random.default_rng(seed).integers(0, 255, (40, 60, 3), dtype=np.uint8)).save(path)


def found_by(search, index, text=TEXT):
    (prediction,) = search(index, text)['predictions']
    return {entry['image']: entry for entry in prediction['found']}


def test_scores_and_regions_are_those_of_the_other_inferencers(search, index, photos, config, checkpoint):
    found = found_by(search, index)
    assert search.encoded == 0
    retrieval = RetrievalInferencer(config(), checkpoint, 'cpu', show_progress=False)
    grounding = GroundingInferencer(config(), checkpoint, 'cpu', show_progress=False)
    (wanted,) = retrieval(photos, TEXT.replace('[', '').replace(']', ''))['predictions']
    assert {entry['image'] for entry in wanted['found']} == set(found)
    for entry in wanted['found']:
        mine = found[entry['image']]
        # Stored features are half precision.
        assert mine['score'] == pytest.approx(entry['score'], abs=2e-2)
        assert mine['match'] == pytest.approx(entry['match'], abs=5e-3)
        (grounded,) = grounding(entry['image'], TEXT)['predictions']
        assert mine['size'] == [30, 90] == grounded['size']
        for phrase, other in zip(mine['phrases'], grounded['phrases'], strict=True):
            assert phrase['phrase'] == other['phrase'] and phrase['spans'] == other['spans']
            assert phrase['box'] == pytest.approx(other['boxes'][0], abs=0.5)
    scores = [entry['score'] for entry in search(index, TEXT)['predictions'][0]['found']]
    assert scores == sorted(scores, reverse=True)


def test_a_text_goes_through_the_cascade(search, index, photos):
    """m by ITC, of these k by the mixed score, of these all by ITM."""
    with torch.no_grad():
        text = search.model.encode_text(['a star'])
    (all_found,) = PictureIndex(index).nearest(text.embedding, 3)
    cosines = all_found.summary.features().embedding @ text.embedding[0]
    assert cosines.tolist() == sorted(cosines.tolist(), reverse=True)
    names = [picture.path for picture in all_found.pictures]
    (two,) = search(index, 'a [star]', top=1, k=1, m=2)['predictions']
    mixed = search.model.shortlist_scores(all_found.summary.features(), text)[:2, 0]
    assert two['found'][0]['image'] == names[mixed.argmax()]
    (one,) = search(index, 'a [star]', top=1, k=3)['predictions']
    everything = found_by(search, index, 'a [star]')
    assert one['found'][0]['score'] == max(entry['score'] for entry in everything.values())
    # An early exit: who leaves early stays below whoever does not.
    (early,) = search(index, 'a [star]', top=3, k=3, full_k=1)['predictions']
    best = early['found'][0]
    assert best['score'] == pytest.approx(everything[best['image']]['score'], abs=1e-4)
    assert {entry['image'] for entry in early['found']} == set(everything)
    with pytest.raises(ValueError, match='m must be at least k'):
        search(index, 'a [star]', top=1, k=3, m=2)


def test_a_search_leaves_early_by_the_head_of_the_early_exit(config, checkpoint, photos, tmp_path):
    """As soon as it thinks the opposite, another picture goes on."""
    search = PictureSearch(config(objective__early_itm=dict()), checkpoint, device='cpu', show_progress=False)
    search.index(tmp_path / 'index', photos)

    def best_when_early_itm_is_multiplied_by(factor):
        with torch.no_grad():
            for value in search.model.objective.early_itm_head.word_score[-1].parameters():
                value.mul_(factor)
        (prediction,) = search(tmp_path / 'index', 'a [star]', top=1, k=3, full_k=1)['predictions']
        return prediction['found'][0]['image']

    # So much that it decides alone.
    assert best_when_early_itm_is_multiplied_by(1e4) != best_when_early_itm_is_multiplied_by(-1)


def test_what_itm_reads_is_computed_once_and_kept_as_far_as_there_is_room(search, photos, tmp_path):
    folder = tmp_path / 'small'
    search.index(folder, photos)
    assert not (folder / 'features').exists() and sum(f.stat().st_size for f in folder.glob('pictures-*')) < 3 * 6144
    search.encoded = 0
    first = found_by(search, folder)
    assert search.encoded == 3 and len(list((folder / 'features').iterdir())) == 3
    kept = found_by(search, folder)
    assert search.encoded == 3 and kept.keys() == first.keys()
    # Read from a file, numbers lie elsewhere in memory, and a matrix product may round them otherwise.
    assert all(entry['score'] == pytest.approx(first[name]['score'], abs=1e-5) for name, entry in kept.items())
    # Damaged ones are computed again.
    next((folder / 'features').iterdir()).write_bytes(b'no features')
    again = found_by(search, folder)
    assert search.encoded == 4
    for name, entry in first.items():
        # Encoded with others or alone: the last bits differ.
        assert again[name]['score'] == pytest.approx(entry['score'], abs=1e-3)
    size = max(file.stat().st_size for file in (folder / 'features').iterdir())
    search(folder, TEXT, cache_gb=2.5 * size / 1e9)
    assert len(list((folder / 'features').iterdir())) == 2
    search(folder, TEXT, cache_gb=0)
    assert not list((folder / 'features').iterdir())


def test_a_picture_whose_file_has_gone_or_changed_is_not_found(search, photos, tmp_path, monkeypatch):
    lines = []
    monkeypatch.setattr('slan_mm.apis.search.print_log', lambda line, logger: lines.append(line))
    search.index(tmp_path / 'small', photos)
    (photos / '0.png').unlink()
    photo(photos / '1.png', seed=7)
    assert set(found_by(search, tmp_path / 'small')) == {str(photos / '2.png')}
    assert lines[-1].startswith(f'2 pictures, the first {photos}') and 'remove' in lines[-1]
    (photos / '2.png').unlink()
    assert set(found_by(search, tmp_path / 'small')) == {str(photos / '2.png')}  # its features are kept
    shutil.rmtree(tmp_path / 'small' / 'features')
    assert found_by(search, tmp_path / 'small') == {}


def test_adding_and_removing_encodes_nothing_else(search, index, photos):
    before = found_by(search, index)
    photo(photos / 'new.png', seed=9)
    done = search.index(index, photos)
    assert (done.added, done.changed, done.unchanged, search.encoded) == (1, 0, 3, 1)
    stored = PictureIndex(index)
    stored.remove([str(photos / '1.png')])
    stored.save()
    after = found_by(search, index)
    assert search.encoded == 1
    assert set(after) == {str(photos / name) for name in ('0.png', '2.png', 'new.png')}
    assert len(list((index / 'features').iterdir())) == 3
    for name in ('0.png', '2.png'):
        mine, other = after[str(photos / name)], before[str(photos / name)]
        assert mine['score'] == pytest.approx(other['score'], abs=1e-4)
    assert search.index(index, photos).added == 1 and search.encoded == 2


def test_a_changed_file_is_encoded_again(search, index, photos):
    before = found_by(search, index)
    photo(photos / '1.png', seed=7)
    done = search.index(index, [photos / '0.png', photos / '1.png'])
    assert (done.added, done.changed, done.unchanged, search.encoded) == (0, 1, 1, 1)
    after = found_by(search, index)
    assert after[str(photos / '1.png')]['size'] == [40, 60] and len(after) == 3
    assert after[str(photos / '1.png')]['score'] != before[str(photos / '1.png')]['score']


def test_unreadable_pictures_are_skipped_counted_and_logged(search, photos, tmp_path, monkeypatch):
    lines = []
    monkeypatch.setattr('slan_mm.apis.search.print_log', lambda line, logger: lines.append(line))
    (photos / 'broken.jpg').write_bytes(b'no picture')
    whole = (photos / '0.png').read_bytes()
    (photos / 'cut.png').write_bytes(whole[: len(whole) // 2])
    # Names that are not UTF-8: of a file, and of the file that a link leads to.
    latin = os.fsdecode(os.fsencode(tmp_path) + b'/photo\xe9.png')
    for path in (Path(latin), Path(latin.replace(str(tmp_path), str(photos)))):
        path.write_bytes(whole)
    (photos / 'link.png').symlink_to(latin)
    done = search.index(tmp_path / 'index', photos, batch_size=2)
    assert done.added == 3 and len(found_by(search, tmp_path / 'index')) == 3
    names = [os.path.basename(path.strip("'")) for path in done.unreadable]
    assert names == ['photo\\udce9.png', 'photo\\udce9.png', 'broken.jpg', 'cut.png']
    assert sum('Skipped' in line for line in lines) == 4 and '4 of 7 pictures' in lines[-1]


def test_an_interruption_leaves_what_was_saved(search, photos, tmp_path, monkeypatch):
    monkeypatch.setattr('slan_mm.apis.search.SAVE_EVERY', 1)
    encode, calls = search.model.encode_image, []

    def interrupted(inputs):
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return encode(inputs)

    search.model.encode_image = interrupted
    with pytest.raises(KeyboardInterrupt):
        search.index(tmp_path / 'index', photos, batch_size=1)
    assert len(PictureIndex(tmp_path / 'index')) == 2
    done = search.index(tmp_path / 'index', photos, batch_size=1)
    assert (done.added, done.unchanged, search.encoded) == (1, 2, 3)


def test_an_index_of_another_model_is_refused(index, config, checkpoint, tmp_path):
    torch.manual_seed(1)
    torch.save({'state_dict': MODELS.build(toy_config()).state_dict()}, tmp_path / 'other.pth')
    other = PictureSearch(config(), tmp_path / 'other.pth', device='cpu')
    with pytest.raises(PictureIndexError, match='made with other weights of the model than this run'):
        other(index, TEXT)
    cfg = config(locator__region_filter__top=4)
    with pytest.raises(PictureIndexError, match='other config of the model'):
        PictureSearch(cfg, checkpoint, device='cpu')(index, TEXT)
    cfg = config()
    cfg.image_size = 40
    with pytest.raises(PictureIndexError, match='other size of the pictures'):
        PictureSearch(cfg, checkpoint, device='cpu').index(index, 'anything.png')


def damage(index, how):
    content = json.loads((index / 'index.json').read_text())
    (table,) = index.glob('pictures-*.safetensors')
    if how == 'json cut':
        (index / 'index.json').write_text((index / 'index.json').read_text()[:100])
    elif how == 'json entry':
        content.pop('next_id')
        (index / 'index.json').write_text(json.dumps(content))
    elif how == 'format':
        content['header']['format'] = 99
        (index / 'index.json').write_text(json.dumps(content))
    elif how == 'json deep':
        (index / 'index.json').write_text('[' * 100_000)
    elif how == 'version':
        content['version'] = '../../other'
        (index / 'index.json').write_text(json.dumps(content))
    elif how == 'table cut':
        table.write_bytes(table.read_bytes()[:-7])
    elif how == 'table gone':
        table.unlink()


@pytest.mark.parametrize(
    ('how', 'said'),
    [
        ('json cut', 'is damaged .*index the pictures again'),
        ('json entry', 'is damaged .*index.json is not what was written'),
        ('json deep', 'is damaged'),
        ('version', 'is damaged .*index.json is not what was written'),
        ('format', 'another version of slan_mm. Remove .*index.py add .*index CONFIG CHECKPOINT PICTURES'),
        ('table cut', 'is not the file that was written'),
        ('table gone', r'pictures-1\.safetensors'),
    ],
)
def test_a_damaged_index_is_refused(search, index, how, said):
    damage(index, how)
    with pytest.raises(PictureIndexError, match=said):
        search(index, TEXT)


def test_both_engines_find_the_same(search, index, photos, tmp_path):
    done = search.index(tmp_path / 'lance', photos, batch_size=2, store_features=True, engine='lancedb')
    assert done.added == 3 and (tmp_path / 'lance' / 'pictures.lance').is_dir()
    assert found_by(search, tmp_path / 'lance') == found_by(search, index)
    assert search.index(tmp_path / 'lance', photos).unchanged == 3
    with pytest.raises(PictureIndexError, match='is kept by lancedb'):
        search.index(tmp_path / 'lance', photos, engine='faiss')


def test_shares_are_added_at_once_and_resumed(search, photos, tmp_path):
    """Two processes, of which the second begins before the first has ended; then one is run again."""
    folder, indexes = tmp_path / 'lance', []
    encode = search.model.encode_image

    def other_first(inputs):
        search.model.encode_image = encode
        indexes.append(search.index(folder, photos, engine='lancedb', share=(2, 2)))
        return encode(inputs)

    search.index(folder, photos / '0.png', engine='lancedb')
    search.model.encode_image = other_first
    indexes.append(search.index(folder, photos, batch_size=1, share=(1, 2)))
    assert [done.added for done in indexes] == [1, 1] and len(found_by(search, folder)) == 3
    assert search.index(folder, photos, share=(1, 2)).unchanged == 2


def test_there_must_be_something_to_search(search, index, photos, tmp_path):
    with pytest.raises(PictureIndexError, match='is no index of pictures'):
        PictureIndex(tmp_path / 'nowhere')
    with pytest.raises(PictureIndexError, match='is no index of pictures'):
        search(tmp_path / 'nowhere', TEXT)
    stored = PictureIndex(index)
    with pytest.raises(KeyError, match=r'not in the index.*gone\.png'):
        stored.remove(['gone.png'])
    stored.remove([str(path) for path in photos.iterdir()])
    stored.save()
    with pytest.raises(PictureIndexError, match='is empty'):
        search(index, TEXT)
    for texts, said in (
        ([], 'texts must be at least one'),
        ('of the', 'no word to look for'),
        ('a [dog', "without ']'"),
    ):
        with pytest.raises(ValueError, match=said):
            search(index, texts)
    with pytest.raises(ValueError, match='k must be at least top'):
        search(index, TEXT, top=5, k=4)


def test_pages_tell_query_rank_name_and_scores(search, index, monkeypatch):
    pages = []
    monkeypatch.setattr(SEARCH, 'draw_regions', lambda *args, **options: pages.append((args, options)) or Canvas(9, 9))
    (prediction,) = search(index, TEXT, img_out_dir=index)['predictions']
    (((pictures, title), options),) = pages
    assert title == prediction['text'] and options['title_spans'] == [[[2, 12]], [[23, 34]]]
    for rank, (picture, entry) in enumerate(zip(pictures, prediction['found'], strict=True), 1):
        assert picture.text == f'{rank}. {entry["image"].rsplit("/", 1)[1]}'
        assert picture.note == f'score {entry["score"]:.2f}, match {entry["match"]:.2f}'
        assert [phrase.answers[0].tolist() for phrase in picture.phrases] == [p['box'] for p in entry['phrases']]
        assert [float(phrase.scores[0]) for phrase in picture.phrases] == [p['score'] for p in entry['phrases']]


def test_pages_show_what_was_found(search, index, photos, tmp_path):
    result = search(index, [TEXT, 'a star'], img_out_dir=tmp_path / 'out', pred_out_dir=tmp_path / 'out')
    assert json.loads((tmp_path / 'out' / 'predictions.json').read_text()) == result['predictions']
    assert len(result['visualization']) == 2
    with Image.open(tmp_path / 'out' / '00000_query-0.jpg') as page:
        assert page.width > 1000
    lines = search.describe(result['predictions'][0]).splitlines()
    assert len(lines) == 1 + 3 * 3 and lines[2].strip().startswith('red circle: [')
    (photos / '0.png').unlink()
    assert len(search(index, TEXT, img_out_dir=tmp_path / 'out')['visualization']) == 1


@pytest.mark.parametrize(
    ('options', 'said'),
    [
        (dict(share=(0, 3)), r'share must be a whole number of at least 1, got 0'),
        (dict(share=(4, 3)), 'share must be one of 3, got 4'),
        (dict(share=(1, 2, 3)), 'share must be the number of a share and how many there are'),
        (dict(share=None), 'share must be the number of a share'),
        (dict(share=(1.0, 2)), 'share must be a whole number'),
        (dict(inputs=None), 'inputs must be a path, got None'),
        (dict(inputs=np.zeros((9, 9, 3), np.uint8)), 'inputs must be a path, got an object of type ndarray'),
        (dict(inputs=[np.zeros((9, 9, 3), np.uint8)]), r'inputs.0. must be a path, got an object of type ndarray'),
        (dict(inputs=[]), 'inputs must be at least one'),
        (dict(folder='a\udce9'), 'folder must have a name in UTF-8'),
        (dict(folder=__file__), 'folder must be a folder: .* is a file'),
    ],
)
def test_what_cannot_be_indexed(search, photos, tmp_path, options, said):
    with pytest.raises(ValueError, match=said):
        search.index(**dict(dict(folder=tmp_path / 'index', inputs=photos), **options))
    assert not (tmp_path / 'index').exists()
