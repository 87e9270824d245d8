"""The small SLAN as it learns from Flickr8k: what words point to covers whole things, and regions stay small."""

_base_ = './slan_small.py'

# Words point to the most telling part of a thing; of the smoothed maps the whole is over half of the peak. Regions stay
# small and near their one word's peak until the last level sizes them, by several words of the phrase.
near = dict(type='MomentMove', ratio=0.4, c=2.0, threshold=0.8, sharpness=30.0, word_sharpness=300.0)
whole = dict(type='MomentMove', ratio=2.0, c=5.0, threshold=0.5, sharpness=30.0, word_sharpness=30.0)
adaptor = dict(type='RegionAdaptor', attention=_base_.attention, pooling=_base_.pooling)

model = dict(
    itc_dropout=0.3,
    map_terms=('lexical', 'contextual'),
    image=dict(embedding=dict(dropout=0.3), smoothing=dict(type='AffinitySmoothing', power=3.0, stride=2)),
    text=dict(word_dropout=0.2),
    locator=dict(
        adaptors=[
            dict(**adaptor, move=move, feature_level=level) for level, move in ((1, near), (2, near), (2, whole))
        ],
    ),
)
