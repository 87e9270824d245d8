"""What the benchmarks of ``tools/analysis`` share: the machine's peak, alternating runs, counted operations."""

from slan_mm.analysis.peak import matmul_peak
from slan_mm.analysis.timing import Alternation, alternate

__all__ = ['Alternation', 'alternate', 'matmul_peak']
