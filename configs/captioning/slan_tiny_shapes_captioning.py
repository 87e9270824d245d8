"""Captioning on generated shapes data, 64 x 64: twenty minutes on a CPU.

    python tools/train.py configs/captioning/slan_tiny_shapes_captioning.py
    python tools/test.py configs/captioning/slan_tiny_shapes_captioning.py \
        work_dirs/slan_tiny_shapes_captioning

Starts from the shipped weights; SLAN_CHECKPOINT names another start, such as ``work_dirs/slan_tiny_shapes``.
Expected: 85.2 % of the captions are true, CIDEr 387, two seeds (docs/tasks/captioning.md).
"""

_base_ = [
    '../_base_/models/slan_tiny_long.py',
    '../_base_/datasets/shapes_caption.py',
    '../_base_/schedules/finetune_writer.py',
    '../_base_/tasks/captioning.py',
]

load_from = '{{$SLAN_CHECKPOINT:checkpoints/slan_tiny_shapes_long.safetensors}}'

model = dict(
    _base_.task_model,
    # As large as the text encoder.
    decoder=dict(model=_base_.model.text.encoder.model, max_words=48, generation=dict(num_beams=3)),
    # All 25 regions: the prompt names nothing that a filter could choose by.
    locator=dict(region_filter=dict(top=None, threshold=None, max_overlap=None)),
)

train_cfg = dict(max_iters=1600)
default_hooks = dict(checkpoint=dict(interval=200))
