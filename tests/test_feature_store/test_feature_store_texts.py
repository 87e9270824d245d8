import pytest
import torch
from support.feature_store import fill, text_encoder, write_pictures

from slan_mm.feature_store import TextStore

TEXTS = ['a red circle', 'a small blue square', 'the red circle', 'a green star']


@pytest.fixture
def pictures(tmp_path):
    folder = tmp_path / 'pictures'
    folder.mkdir()
    write_pictures(folder)
    return folder


def test_each_text_is_stored_once_without_padding(pictures, tmp_path):
    encoder = text_encoder()
    fill(pictures, tmp_path / 'store', texts=encoder)
    assert len(TextStore(tmp_path / 'store')) == 4
    tokens = int(encoder.tokenize(TEXTS).mask.sum())
    assert (tmp_path / 'store' / 'texts' / 'contextual.bin').stat().st_size == tokens * 16 * 2
    assert not (tmp_path / 'store' / 'texts' / 'lexical.bin').exists()


def test_words_are_gathered_at_their_tokens(pictures, tmp_path):
    encoder = text_encoder()
    fill(pictures, tmp_path / 'store', texts=encoder)
    tokens, store = (
        encoder.tokenize(['a small blue square', 'a large star', 'a red circle']),
        TextStore(tmp_path / 'store'),
    )
    rows = store.find(tokens.input_ids, tokens.mask)
    assert rows[1] is None
    words = store.gather(rows, tokens.mask, 16)
    assert words.shape == (*tokens.mask.shape, 16) and words.dtype == torch.float32
    torch.testing.assert_close(words[2, tokens.mask[2]], store.words(rows[2]).float())
    assert not words[1].any() and not words[2, ~tokens.mask[2]].any()
