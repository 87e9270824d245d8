"""Eq. 7: the loss of masked words."""

import math

import pytest
import torch

from slan_mm.models.objectives import MaskedLMHead
from slan_mm.models.objectives.word_masking import IGNORE


def test_loss_by_hand():
    """Identity transform replaced by given logits: H = mean over masked words of -log p(word)."""
    head = MaskedLMHead(2, vocab_size=3, word_dims=3)
    head.transform = torch.nn.Identity()
    with torch.no_grad():
        head.bias.copy_(torch.tensor([0.0, math.log(2), 0.0]))
    words = torch.tensor([[[0.0, 0.0, 0.0], [math.log(3), 0.0, 0.0], [9.0, 9.0, 9.0]]])
    labels = torch.tensor([[1, 0, IGNORE]])
    loss = head.loss(words, labels, torch.eye(3))
    # Shares: (1, 2, 1) / 4 and (3, 2, 1) / 6.
    assert loss.item() == pytest.approx(-(math.log(2 / 4) + math.log(3 / 6)) / 2)


def test_nothing_masked_is_no_loss():
    head = MaskedLMHead(4, vocab_size=5, word_dims=6)
    loss = head.loss(torch.randn(2, 3, 4), torch.full((2, 3), IGNORE), torch.randn(5, 6))
    assert loss.item() == 0
    loss.backward()
    assert all(p.grad is None or p.grad.abs().sum() == 0 for p in head.parameters())


def test_output_is_tied_to_the_word_embeddings():
    head = MaskedLMHead(4, vocab_size=5, word_dims=6)
    words, embeddings = torch.randn(7, 4), torch.randn(5, 6)
    torch.testing.assert_close(head(words, embeddings), head.transform(words) @ embeddings.t() + head.bias)
