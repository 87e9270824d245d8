"""Captioning 130 COCO photographs with frozen EfficientNet-Lite0 and MiniLM, on a CPU: shows that all parts work.

    python tools/train.py configs/captioning/slan_small_coco_mini_captioning.py
    python tools/test.py configs/captioning/slan_small_coco_mini_captioning.py \
        work_dirs/slan_small_coco_mini_captioning
    python tools/analysis/overfit.py configs/captioning/slan_small_coco_mini_captioning.py --metric caption/exact

Photographs are expected in ``data/coco_mini`` (docs/tasks/captioning.md) and the encoders in ``weights``
(docs/install.md); SLAN_DATA and SLAN_WEIGHTS name other folders.
Expected: 16 of 16 captions by heart (overfit.py, 60 steps; docs/tasks/captioning.md); longer runs not measured here.
"""

_base_ = [
    '../_base_/models/slan_small.py',
    '../_base_/models/photograph_moves.py',
    '../_base_/datasets/coco_mini_caption.py',
    '../_base_/schedules/adamw_cosine.py',
    '../_base_/tasks/captioning.py',
]

adaptor = dict(type='RegionAdaptor', attention=_base_.attention, pooling=_base_.pooling)

model = dict(
    _base_.task_model,
    # Regions move as in pre-training.
    map_terms=('lexical', 'contextual'),
    image=dict(smoothing=_base_.smoothing),
    locator=dict(adaptors=[dict(**adaptor, move=move, feature_level=level) for level, move in _base_.moves]),
    # Three of MiniLM's six layers: half the time on a CPU.
    decoder=dict(model=_base_.minilm, num_layers=3, max_words=40, generation=dict(num_beams=3, max_new_tokens=24)),
)

train_cfg = dict(max_iters=200)
# Input and output embeddings of the decoder are the same parameter.
optim_wrapper = dict(optimizer=dict(lr=3e-4), paramwise_cfg=dict(bypass_duplicate=True))
