"""Texts whose phrases are marked, as grounding takes them."""

from slan_mm.datasets.marked_text import mark_spans, read_marked_text
from slan_mm.datasets.noun_phrases import find_noun_phrases, mark_phrases
from slan_mm.structures import MarkedText

__all__ = ['MarkedText', 'find_noun_phrases', 'mark_phrases', 'mark_spans', 'read_marked_text']
