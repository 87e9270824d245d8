"""What detection changes in default_runtime.py: one task, evaluated by MMEngine's loops, drawn by mmdet.

One data loader and evaluator, not a dict of several tasks, is what mmdet's inferencer and tools read.
"""

_base_ = '../default_runtime.py'

default_hooks = dict(visualization=dict(_delete_=True, type='mmdet.DetVisualizationHook'))
visualizer = dict(type='mmdet.DetLocalVisualizer')
# tools/test.py --tta: boxes of all views together, the best of those that overlap.
tta_model = dict(type='mmdet.DetTTAModel', tta_cfg=dict(nms=dict(type='nms', iou_threshold=0.5), max_per_img=100))
