"""The longer tiny model with word-activation maps of both region-word terms, to test its weights with.

    weights=checkpoints/slan_tiny_shapes_long.safetensors
    python tools/test.py configs/pretrain/slan_tiny_shapes_long_two-terms.py $weights

Contextual words tell a red circle from a red square once shapes are learned.
Expected: ``retrieval/i2t_R1`` 83.6, ``grounding/R1`` 86.1 (docs/runs/shapes_long_two_terms, the mean of three seeds;
docs/results.md).
"""

_base_ = './slan_tiny_shapes_long.py'

model = dict(map_terms=('lexical', 'contextual'))
