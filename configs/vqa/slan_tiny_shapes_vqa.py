"""Questions about generated shapes, 64 x 64: twenty minutes on a CPU.

    python tools/train.py configs/vqa/slan_tiny_shapes_vqa.py
    python tools/test.py configs/vqa/slan_tiny_shapes_vqa.py work_dirs/slan_tiny_shapes_vqa

Starts from the shipped weights; SLAN_CHECKPOINT names another start, such as ``work_dirs/slan_tiny_shapes``.
Expected: 97.2 in all, two seeds (docs/results_tasks.md).
"""

_base_ = [
    '../_base_/models/slan_tiny_long.py',
    '../_base_/datasets/shapes_vqa.py',
    '../_base_/schedules/finetune_writer.py',
    '../_base_/tasks/vqa.py',
]

load_from = '{{$SLAN_CHECKPOINT:checkpoints/slan_tiny_shapes_long.safetensors}}'

model = dict(
    _base_.task_model,
    # As large as the text encoder.
    decoder=dict(model=_base_.model.text.encoder.model, max_words=16, generation=dict(num_beams=3)),
    # All 25 regions: pre-training never names a shape alone, so the filter does not find it.
    locator=dict(region_filter=dict(top=None, threshold=None, max_overlap=None)),
)

train_cfg = dict(max_iters=2400)
default_hooks = dict(checkpoint=dict(interval=200))
