"""The text side: encoder and tokenizer; nothing here reads an image."""

from slan_mm.models.text.encoder import TextEncoder
from slan_mm.models.text.pair import PairTextBranch, PairTextEncoder
from slan_mm.models.text.tokenizer import hf_tokenizer

__all__ = ['PairTextBranch', 'PairTextEncoder', 'TextEncoder', 'hf_tokenizer']
