"""Encoders of images and of texts."""

from slan_mm.models.encoders.hf_tokenizer import hf_tokenizer
from slan_mm.models.encoders.image_encoder import ImageEncoder
from slan_mm.models.encoders.text_encoder import TextEncoder

__all__ = ['ImageEncoder', 'TextEncoder', 'hf_tokenizer']
