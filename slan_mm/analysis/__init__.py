"""What the benchmarks of ``tools/analysis`` share: the machine's peak, alternating runs, counted operations."""

from slan_mm.analysis.cost import Cost, CostMode, count_flops, own_flops
from slan_mm.analysis.peak import matmul_peak
from slan_mm.analysis.timing import Alternation, alternate

__all__ = ['Alternation', 'Cost', 'CostMode', 'alternate', 'count_flops', 'matmul_peak', 'own_flops']
