"""What the benchmarks of ``tools/analysis`` share: the machine's peak, alternating runs, counted operations."""

from measuring.cost import Cost, CostMode, count_flops, own_flops
from measuring.peak import matmul_peak
from measuring.timing import Alternation, alternate

__all__ = ['Alternation', 'Cost', 'CostMode', 'alternate', 'count_flops', 'matmul_peak', 'own_flops']
