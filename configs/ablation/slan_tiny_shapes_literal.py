"""The paper by the letter, on the tiny model and generated shapes data: what its equations do without our changes.

    python tools/train.py configs/ablation/slan_tiny_shapes_literal.py
    python tools/test.py configs/ablation/slan_tiny_shapes_literal.py work_dirs/slan_tiny_shapes_literal

Beside configs/pretrain/slan_tiny_shapes.py it has plain DETR queries, RoIAlign with average pooling everywhere, regions
of nothing but what is pooled, their mean and the text's [CLS] as what ITC compares, the image-only saliency with
Table 6's best threshold, no suppression of overlaps, word-activation maps as they are, Eq. 1 without residual,
LayerNorm and FFN, the raw weighted sum and the scalar sizes of Eq. 2 with r = 1, .5, .25, line 11's replacement of
region embeddings, the whole of Eq. 3 with no stop-gradient (it has none as written, and RoIAlign leaves no other way
to learn p_w and p_h), the linear layer of Eq. 4 from the first iteration on, queues and momentum encoders as in
ALBEF, and no region-word term. Optimiser, schedule, data and widths are the same.

Expected: ``grounding/pointing`` 16.6, ``grounding/R1`` 0.0, ``regions/pairwise_iou`` 1.0 after 400 iterations:
regions collapse into one (docs/runs/shapes_literal; docs/results.md).
"""

_base_ = '../pretrain/slan_tiny_shapes.py'

# The mean of 6 x 6 samples a region and of 4 x 4 a cell, about one for each cell of the map. The paper gives no sizes.
pooling = dict(type='RoIAlignPooling', output_size=3)
cell_pooling = dict(type='RoIAlignPooling', output_size=2)
attention = dict(type='LiteralAttention', num_heads=4)

model = dict(
    # The adaptors compare cells and words in this space; it serves no loss of its own.
    space_dims=dict(_delete_=True, lexical=64),
    image=dict(
        embedding=None,
        pooling=dict(_delete_=True, **pooling),
        detector=dict(type='PlainQueryDetector'),
        decoder=dict(scales=(1, 1, 1)),
    ),
    text=dict(embedding='cls'),
    locator=dict(
        type='LiteralLocator',
        region_filter=dict(_delete_=True, type='ImageSaliencyFilter', top=20, threshold=0.5),
        adaptors=[
            dict(
                type='LiteralAdaptor',
                attention=attention,
                pooling=pooling,
                move=dict(type='LiteralMove', ratio=ratio, k=3, pooling=cell_pooling, size_factors='free'),
                feature_level=level,
            )
            for level, ratio in ((1, 1.0), (2, 0.5), (3, 0.25))
        ],
    ),
    objective=dict(
        _delete_=True,
        itc=dict(queue_size=1024, distill=0.4),
        momentum=0.995,
        region_word=None,
        itm=dict(type='LiteralITMHead'),
        regression=dict(type='LiteralRegressionLoss'),
    ),
)

# Line 11 overwrites the regions that line 4 has attended: nothing learns the projections that made them.
find_unused_parameters = True
