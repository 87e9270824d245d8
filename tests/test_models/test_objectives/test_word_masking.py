"""Which words are masked, and by what."""

import pytest
import torch
from support.toy import build_toy_slan

from slan_mm.models.dist import seeded_uniform
from slan_mm.models.objectives.word_masking import IGNORE, mask_tokens

MASK, VOCAB = 4, 30


def draw(shape, seed=0):
    return torch.rand(3, *shape, generator=torch.Generator().manual_seed(seed))


def long_texts(count=2000, length=66):
    """[CLS], words, [SEP], two paddings."""
    ids = torch.randint(5, VOCAB, (count, length), generator=torch.Generator().manual_seed(1))
    ids[:, 0], ids[:, -3], ids[:, -2:] = 2, 3, 0
    words = torch.ones(count, length, dtype=torch.bool)
    words[:, 0] = words[:, -3:] = False
    return ids, words


def test_statistics_of_masking():
    ids, words = long_texts()
    masked, labels = mask_tokens(ids, words, draw(ids.shape), MASK, VOCAB)
    chosen = labels != IGNORE
    total = int(words.sum())
    assert chosen.sum().item() / total == pytest.approx(0.15, abs=0.004)
    is_mask = chosen & (masked == MASK)
    stays = chosen & (masked == ids)
    other = chosen & ~is_mask & ~stays
    count = int(chosen.sum())
    # Of the random tokens 1 / 30 is [MASK] itself and 1 / 30 the token that was there.
    assert is_mask.sum().item() / count == pytest.approx(0.8 + 0.1 / VOCAB, abs=0.01)
    assert stays.sum().item() / count == pytest.approx(0.1 + 0.1 / VOCAB, abs=0.01)
    assert other.sum().item() / count == pytest.approx(0.1 * (1 - 2 / VOCAB), abs=0.01)
    # Random tokens are spread over the whole vocabulary.
    assert len(masked[other].unique()) >= VOCAB - 1 and masked.max() < VOCAB


def test_specials_and_padding_are_never_masked():
    ids, words = long_texts()
    masked, labels = mask_tokens(ids, words, draw(ids.shape), MASK, VOCAB)
    assert torch.equal(masked[~words], ids[~words])
    assert (labels[~words] == IGNORE).all()
    masked, labels = mask_tokens(ids, words, torch.zeros(3, *ids.shape), MASK, VOCAB)
    assert (masked[words] == MASK).all() and torch.equal(masked[~words], ids[~words])


def test_labels_are_the_words_that_were_there():
    ids, words = long_texts(20)
    before = ids.clone()
    masked, labels = mask_tokens(ids, words, draw(ids.shape), MASK, VOCAB)
    chosen = labels != IGNORE
    assert torch.equal(labels[chosen], ids[chosen]) and torch.equal(masked[~chosen], ids[~chosen])
    assert torch.equal(ids, before)


def test_a_short_text_keeps_one_chosen_word():
    ids = torch.tensor([[2, 9, 8, 3], [2, 3, 0, 0]])
    words = torch.tensor([[False, True, True, False], [False] * 4])
    uniform = torch.full((3, 2, 4), 0.99)
    uniform[0, 0, 2] = 0.5
    masked, labels = mask_tokens(ids, words, uniform, MASK, VOCAB)
    assert labels.tolist() == [[IGNORE, IGNORE, 8, IGNORE], [IGNORE] * 4]
    assert torch.equal(masked, ids)  # .99 falls among the tenth that stay


@pytest.mark.parametrize(('second', 'third', 'expected'), [(0.79, 0.5, MASK), (0.81, 0.5, 15), (0.91, 0.5, 9)])
def test_the_three_fates_of_a_word(second, third, expected):
    uniform = torch.tensor([0.1, second, third]).view(3, 1, 1)
    masked, _ = mask_tokens(torch.tensor([[9]]), torch.tensor([[True]]), uniform, MASK, VOCAB)
    assert masked.item() == expected


def test_masking_is_of_words_only_and_changes_with_the_iteration():
    model = build_toy_slan(objective__mask_probability=0.5)
    encoder = model.text_branch.encoder
    tokens = model.tokenize(['a red circle and a blue square', 'a green triangle'])
    masked, labels = model.objective.masking(0, tokens, encoder)
    chosen = labels != -100
    assert chosen.any(1).all() and not (chosen & ~tokens.word_mask).any()
    uniform = seeded_uniform(0, 0, 1, (3, 2, encoder.max_words), torch.device('cpu'))[..., : labels.shape[1]]
    expected, _ = mask_tokens(
        tokens.input_ids, tokens.word_mask, uniform, encoder.tokenizer.mask_token_id, len(encoder.tokenizer), 0.5
    )
    assert torch.equal(masked.input_ids, expected) and masked.mask is tokens.mask
    assert not torch.equal(model.objective.masking(1, tokens, encoder)[1], labels)
