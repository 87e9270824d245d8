"""Splits a model over GPUs by FSDP, with activation checkpointing; see docs/scaling.md.

For configs with ``runner_type = 'slan_mm.ShardedRunner'``. A unit's parameters are gathered while it runs and dropped
after. Branches and locator are units, and so are the layers inside of branches that hold most parameters. One process
trains the same config unsharded.
"""

# ViT, BERT, DETR.
sharded_layers = [
    'TransformerEncoderLayer',
    'BertLayer',
    'DetrTransformerEncoderLayer',
    'DetrTransformerDecoderLayer',
]
# What the momentum copy of the image branch lacks.
not_averaged = ['RegionDetector', 'PlainQueryDetector', 'VisionDecoder', 'SimplePyramid', 'EncoderPyramid']
strategy = dict(
    type='slan_mm.ShardedStrategy',
    model_wrapper=dict(
        type='MMFullyShardedDataParallel',
        sharding_strategy='FULL_SHARD',
        # Branches as units: the momentum encoders, split alike, follow them shard by shard.
        auto_wrap_policy=dict(
            type='slan_mm.wrap_any_of',
            names=[
                *('ImageBranch', 'PairImageBranch', 'TextBranch', 'PairTextBranch', 'SelfLocator'),
                *not_averaged,
                *sharded_layers,
            ],
        ),
    ),
    # LM's output layer reads the word embeddings outside of the text branch.
    replicated=[r'.*\.word_embeddings\.weight$'],
    # A level of the locator is no unit: the locator projects for the first one, outside of it.
    activation_checkpointing=dict(check_fn=dict(type='slan_mm.is_any_of', names=[*sharded_layers, 'RegionAdaptor'])),
)
