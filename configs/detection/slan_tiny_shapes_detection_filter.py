"""The tiny detector with the region filter of pre-training: at most 8 distinct regions of an image instead of all 25.

    python tools/train.py configs/detection/slan_tiny_shapes_detection_filter.py
    python tools/test.py configs/detection/slan_tiny_shapes_detection_filter.py checkpoints/slan_tiny_shapes_detection

Starts from the shipped weights; SLAN_CHECKPOINT names another start. Images have two to four objects.
Expected: AP .526, two seeds, without the filter .444 (docs/tasks/detection.md).
"""

_base_ = './slan_tiny_shapes_detection.py'

model = dict(locator=dict(region_filter=dict(top=8, threshold=0.1, max_overlap=0.25)))
