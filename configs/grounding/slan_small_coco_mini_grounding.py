"""Supervised grounding on photographs: class names of ``coco_mini`` as phrases, frozen small encoders, one CPU core.

    for part in train val; do
        python tools/dataset_converters/coco_to_grounding.py data/coco_mini/annotations/instances_${part}2017.json \
            work_dirs/coco_mini/grounding_${part}.json
    done
    python tools/train.py configs/grounding/slan_small_coco_mini_grounding.py
    python tools/test.py configs/grounding/slan_small_coco_mini_grounding.py work_dirs/slan_small_coco_mini_grounding

Evaluated on the val images of ``coco_mini`` (coco/...) and on the phrases of Flickr8k (grounding/...), whose boxes are
for evaluation only. The encoders are expected in ``weights`` (docs/install.md); SLAN_WEIGHTS names another folder. To
start from a checkpoint of configs/pretrain/slan_small_flickr8k.py: ``--cfg-options load_from=...``.
Expected: R@1 1.6 on ``coco_mini``, 5.7 on Flickr8k after 40 iterations, which teach nothing yet
(docs/tasks/grounding.md).
"""

_base_ = [
    '../_base_/models/slan_small.py',
    '../_base_/datasets/coco_mini_grounding.py',
    '../_base_/schedules/adamw_cosine.py',
    '../default_runtime.py',
]

model = dict(
    type='SLANGrounder',
    objective=None,
    head=dict(),
    # Pre-training leaves the reference boxes as they are; here there are boxes to learn from.
    image=dict(detector=dict(learn_boxes=True)),
    # A class name has as many regions as things: keep more than a caption needs.
    locator=dict(region_filter=dict(top=20)),
)

train_cfg = dict(max_iters=300)
optim_wrapper = dict(optimizer=dict(lr=5e-4))
auto_scale_lr = dict(enable=False, base_batch_size=16)
