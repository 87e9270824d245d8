"""Heads of the task models: what a task adds to the spine."""

from slan_mm.models.heads.memory import DecoderMemory, Memory
from slan_mm.models.heads.pair_fusion import PairFusionHead
from slan_mm.models.heads.ranking import rank_texts
from slan_mm.models.heads.text_decoder import TextDecoder

__all__ = ['DecoderMemory', 'Memory', 'PairFusionHead', 'TextDecoder', 'rank_texts']
