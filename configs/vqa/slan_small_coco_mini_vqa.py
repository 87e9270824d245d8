"""VQA on a hundred questions about COCO photographs with frozen EfficientNet-Lite0 and MiniLM, on a CPU: shows that all
parts work.

    python tools/train.py configs/vqa/slan_small_coco_mini_vqa.py
    python tools/test.py configs/vqa/slan_small_coco_mini_vqa.py work_dirs/slan_small_coco_mini_vqa
    python tools/analysis/overfit.py configs/vqa/slan_small_coco_mini_vqa.py --items 20 --metric vqa/accuracy

Photographs are expected in ``data/coco_mini`` (docs/tasks/vqa.md) and the encoders in ``weights`` (docs/install.md);
SLAN_DATA and SLAN_WEIGHTS name other folders. What to expect: see docs/tasks/vqa.md.
"""

_base_ = [
    '../_base_/models/slan_small.py',
    '../_base_/datasets/coco_mini_vqa.py',
    '../_base_/schedules/adamw_cosine.py',
    '../default_runtime.py',
]

weights = '{{$SLAN_WEIGHTS:weights}}'
minilm = f'{weights}/all-MiniLM-L6-v2'

# The pre-training's losses; question answering has its own.
_base_.model.pop('objective')
model = dict(
    type='SLANAnswerer',
    image=dict(encoder=dict(backbone_checkpoint=f'{weights}/efficientnet_lite0.safetensors')),
    text=dict(encoder=dict(model=minilm, tokenizer=minilm)),
    # Three of MiniLM's six layers: half the time on a CPU.
    decoder=dict(model=minilm, num_layers=3, max_words=16, generation=dict(num_beams=3)),
)

train_cfg = dict(max_iters=100)
# Input and output embeddings of the decoder are the same parameter.
optim_wrapper = dict(optimizer=dict(lr=3e-4), paramwise_cfg=dict(bypass_duplicate=True))
# ITC's projections and the image-only saliency have no part in an answer.
find_unused_parameters = True
