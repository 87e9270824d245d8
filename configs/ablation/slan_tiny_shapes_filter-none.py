"""Table 6, first row: no region filter, all regions are kept with equal weights."""

_base_ = '../pretrain/slan_tiny_shapes.py'

model = dict(
    locator=dict(region_filter=dict(conditioned=False, top=None, threshold=None, max_overlap=None, weighted=False))
)

# Nothing reads the saliency, which ITC's attention pooling does not need either.
find_unused_parameters = True
