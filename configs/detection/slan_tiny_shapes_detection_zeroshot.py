"""The tiny detector asked for six shapes, without a box in training.

    python tools/test.py configs/detection/slan_tiny_shapes_detection_zeroshot.py \
        checkpoints/slan_tiny_shapes_long.safetensors

Expected: AP50 .028 (docs/tasks/detection.md).
"""

_base_ = './slan_tiny_shapes_detection.py'

# A prompt for each class, as captions name one or two things.
model = dict(prompt=dict(max_classes=1))
