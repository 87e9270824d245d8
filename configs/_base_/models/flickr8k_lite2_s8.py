"""EfficientNet-Lite2 with its level of stride 8 too, which is the resolution of V: small things have more cells."""

_base_ = './flickr8k_lite2.py'

lite2_store = 'work_dirs/features/flickr8k_lite2_s8'
lite2 = dict(
    image=dict(
        encoder=dict(
            backbone=dict(out_indices=(2, 3, 4)),
            # The new level is the last: a checkpoint without it loads, its other levels keep their places.
            out_levels=(1, 2, 0),
            out_stride_level=2,
            cell_centres=(1 - 0.5 / 16, 1 - 0.5 / 32, 1 - 0.5 / 8),
        ),
        # Regions and affinities have as many cells as before.
        detector=dict(downsample=4),
        smoothing=dict(stride=4),
    ),
    text=dict(encoder=dict(store=lite2_store)),
)
