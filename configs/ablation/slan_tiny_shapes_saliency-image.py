"""Saliency from the image alone, as Algorithm 1 has it, in place of the language-conditioned one."""

_base_ = '../pretrain/slan_tiny_shapes.py'

model = dict(locator=dict(region_filter=dict(conditioned=False)))
