"""VQA on a hundred questions about COCO photographs with frozen EfficientNet-Lite0 and MiniLM, on a CPU: shows that all
parts work.

    python tools/train.py configs/vqa/slan_small_coco_mini_vqa.py
    python tools/test.py configs/vqa/slan_small_coco_mini_vqa.py work_dirs/slan_small_coco_mini_vqa
    python tools/analysis/overfit.py configs/vqa/slan_small_coco_mini_vqa.py --items 20 --metric vqa/accuracy

Photographs are expected in ``data/coco_mini`` (docs/tasks/vqa.md) and the encoders in ``weights`` (docs/install.md);
SLAN_DATA and SLAN_WEIGHTS name other folders.
Expected: accuracy 94.0 on 20 questions by heart (overfit.py, 80 steps; docs/tasks/vqa.md); longer runs not measured
here.
"""

_base_ = [
    '../_base_/models/slan_small.py',
    '../_base_/datasets/coco_mini_vqa.py',
    '../_base_/schedules/adamw_cosine.py',
    '../_base_/tasks/vqa.py',
]

model = dict(
    _base_.task_model,
    # Three of MiniLM's six layers: half the time on a CPU.
    decoder=dict(model=_base_.minilm, num_layers=3, max_words=16, generation=dict(num_beams=3)),
)

train_cfg = dict(max_iters=100)
# Input and output embeddings of the decoder are the same parameter.
optim_wrapper = dict(optimizer=dict(lr=3e-4), paramwise_cfg=dict(bypass_duplicate=True))
