"""The tiny detector asked for 48 classes, a colour and a shape each, without a box in training.

    python tools/test.py configs/detection/slan_tiny_shapes_detection_kinds.py \
        checkpoints/slan_tiny_shapes_long.safetensors

Expected: AP50 .466 (docs/tasks/detection.md).
"""

_base_ = './slan_tiny_shapes_detection.py'

colors = ('red', 'orange', 'yellow', 'green', 'cyan', 'blue', 'purple', 'pink')
shapes = ('circle', 'square', 'triangle', 'diamond', 'cross', 'star')
metainfo = dict(classes=[f'{color} {shape}' for color in colors for shape in shapes])

# As slan_tiny_shapes_detection_zeroshot.py asks.
model = dict(prompt=dict(max_classes=1))
train_dataloader = dict(dataset=dict(metainfo=metainfo))
val_dataloader = dict(batch_size=10, dataset=dict(num_images=200, metainfo=metainfo))
test_dataloader = val_dataloader
