"""How regions move on photographs, for the small SLAN: what words point to, smoothed, covers whole things."""

# Words point to the most telling part of a thing; of the smoothed maps the whole is over half of the peak. Regions stay
# small and near their one word's peak until the last level sizes them, by several words of the phrase.
near = dict(type='MomentMove', ratio=0.4, c=2.0, threshold=0.8, sharpness=30.0, word_sharpness=300.0)
whole = dict(type='MomentMove', ratio=2.0, c=5.0, threshold=0.5, sharpness=30.0, word_sharpness=30.0)
moves = ((1, near), (2, near), (2, whole))
smoothing = dict(type='AffinitySmoothing', power=3.0, stride=2)
