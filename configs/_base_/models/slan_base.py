"""What the four full-size models share: all but the image encoder. About 297 M parameters, 109 M of them BERT.

The paper gives D = 768, BERT-base, L = 3, DETR with 100 queries, and the size of the whole models (Table 4). Depths and
widths of the locator are ours, chosen so that the sums come out with parameters where they cost least: most of them in
twelve layers of DETR's encoder, which at 224 x 224 reads 49 cells; three layers in its decoder, which reads 100 queries
(the filter removes overlaps, the work of the others); one depthwise separable convolution a level of the vision
decoder, which has up to 784 cells; and feed-forward layers of 2 D in the adaptors, which read 50 regions and words of
four pairs a sample. docs/paper_to_code.md has the numbers (note 21). Channels of wider encoders are projected to D, so
that all that follows is the same in all four.

BERT is looked for on this machine: its hub name if it is in the local cache (``hf download bert-base-uncased``), or the
folder that the environment variable SLAN_BERT names.
"""

embed_dims = 768
bert = '{{$SLAN_BERT:bert-base-uncased}}'
attention = dict(type='BidirectionalAttention', num_heads=12, feedforward_channels=2 * embed_dims, dropout=0.1)
pooling = dict(type='ExactMeanPooling')

model = dict(
    type='SLAN',
    embed_dims=embed_dims,
    itc_dims=256,
    space_dims=dict(lexical=256, contextual=256),
    data_preprocessor=dict(type='PairDataPreprocessor'),
    image=dict(
        encoder=dict(type='ImageEncoder'),
        # A stride of 8 at the last level, whatever the encoder's.
        decoder=dict(type='VisionDecoder', scales=(1, 1, 2), separable=True, norm_cfg=dict(type='GN', num_groups=32)),
        detector=dict(
            type='RegionDetector',
            grid=(7, 5, 4, 3, 1),
            # V at a stride of 32, as DETR and the ResNet have it.
            downsample=2,
            num_encoder_layers=12,
            num_decoder_layers=3,
            num_heads=12,
            feedforward_channels=4736,
            dropout=0.1,
        ),
        pooling=pooling,
    ),
    text=dict(encoder=dict(type='TextEncoder', tokenizer=bert, model=bert, max_words=32)),
    locator=dict(
        region_filter=dict(type='RegionFilter', top=20, threshold=0.3, max_overlap=0.5),
        adaptors=[
            dict(
                type='RegionAdaptor',
                attention=attention,
                pooling=pooling,
                # The neighbourhood is the whole picture at every level: objects fill much of a photograph, and a
                # smaller one would cap their boxes. What a level adds is a finer map.
                move=dict(type='MomentMove', ratio=2.0),
                feature_level=level,
            )
            for level in (1, 2, 3)
        ],
    ),
    objective=dict(
        # Queue, momentum and soft targets are ALBEF's.
        itc=dict(queue_size=65536, distill=0.4),
        momentum=0.995,
        region_word=dict(temperature=0.07),
        itm_start=2000,
        # As in ALBEF; of all ranks, every GPU would hold the feature maps of the whole batch.
        negatives_from_all_ranks=False,
    ),
)
