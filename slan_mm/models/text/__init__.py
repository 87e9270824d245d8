"""The text side: encoder and tokenizer; nothing here reads an image."""

from slan_mm.models.text.encoder import TextEncoder
from slan_mm.models.text.tokenizer import hf_tokenizer

__all__ = ['TextEncoder', 'hf_tokenizer']
