"""Heads of tasks that have parameters of their own."""

from slan_mm.models.heads.pair_fusion import PairFusionHead

__all__ = ['PairFusionHead']
