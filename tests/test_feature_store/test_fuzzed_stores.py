"""Stores whose files are changed: what is read is what was written, or a line refuses the store."""

import numpy as np
import pytest
from support.feature_store import CAPTIONS, fill, image_encoder, text_encoder, write_pictures
from support.fuzzing import fuzz

from slan_mm.feature_store import FeatureStoreError, ImageStore, PartReader, PartWriter, TextStore


@pytest.fixture(scope='module')
def store(tmp_path_factory):
    folder = tmp_path_factory.mktemp('data')
    write_pictures(folder)
    fill(folder, folder / 'store', image_encoder(), text_encoder())
    return folder / 'store'


def told(error):
    return isinstance(error, FeatureStoreError) and '\n' not in str(error) and 'store' in str(error)


@pytest.mark.parametrize('name', ['index.json', 'level1.bin', 'shapes.bin', 'bytes.bin', 'crc32.bin'])
def test_fuzzed_pictures(store, name):
    def read():
        images = ImageStore(store)
        rows = [images.rows[str(number)] for number in range(4) if str(number) in images.rows]
        return [(images.shapes(row), [level.tolist() for level in images.levels(row)]) for row in rows]

    written = read()
    fuzz(read, store / 'images' / name, lambda found: [written.index(picture) for picture in found], skipped=told)


@pytest.mark.parametrize('name', ['index.json', 'contextual.bin', 'offsets.bin', 'crc32.bin'])
def test_fuzzed_texts(store, name):
    tokens = text_encoder().tokenize([text for texts in CAPTIONS for text in texts])

    def read():
        texts = TextStore(store)
        rows = texts.find(tokens.input_ids, tokens.mask)
        return [texts.words(row).tolist() for row in rows if row is not None]

    written = read()
    fuzz(read, store / 'texts' / name, lambda found: [written.index(words) for words in found], skipped=told)


def test_fuzzed_progress(tmp_path):
    """A run goes on, or begins again; it never takes for done what is not."""
    progress = tmp_path / 'part' / 'progress.json'

    def writer():
        return PartWriter(tmp_path / 'part', {'weights': 'w'}, list('abcdef'))

    def go_on():
        content = progress.read_bytes()
        part = writer()
        try:
            array = part.array('x', (6, 2))
            for row in range(part.done, 6):
                array[row] = row
            part.finish()
            return np.array(PartReader(tmp_path / 'part').array('x'))
        finally:
            (tmp_path / 'part' / 'index.json').unlink(missing_ok=True)
            part = writer()
            part.array('x', (6, 2))[:4] = np.arange(4)[:, None]
            part.mark(4)
            progress.write_bytes(content)

    part = writer()
    part.array('x', (6, 2))[:4] = np.arange(4)[:, None]
    part.mark(4)
    # Rows after those that a wrong count takes for done are still zeros, which the rows' checksums tell.
    fuzz(go_on, progress, lambda rows: [int(row[0]) for row in rows if row.any()] == [1, 2, 3, 4, 5], skipped=told)
