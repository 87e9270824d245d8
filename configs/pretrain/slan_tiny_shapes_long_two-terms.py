"""The longer tiny model with word-activation maps of both region-word terms, to test its weights with.

    weights=checkpoints/slan_tiny_shapes_long.safetensors
    python tools/test.py configs/pretrain/slan_tiny_shapes_long_two-terms.py $weights

Contextual words tell a red circle from a red square once shapes are learned. What to expect: see docs/results.md.
"""

_base_ = './slan_tiny_shapes_long.py'

model = dict(map_terms=('lexical', 'contextual'))
