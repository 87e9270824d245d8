"""VQA v2 with a ViT-Huge as in Table 2, from a pre-training checkpoint; 476 x 476. Trained on train2014 and val2014 of
VQA v2 and on Visual Genome's questions; the test writes a file for the server's test-dev.

    python tools/dataset_converters/vqa_answer_list.py data/vqa/v2_mscoco_train2014_annotations.json \
        data/vqa/v2_mscoco_val2014_annotations.json --min-count 9 --out data/vqa/answer_list.json
    bash tools/dist_train.sh configs/vqa/slan_vit-h_vqav2.py 8
    bash tools/dist_test.sh configs/vqa/slan_vit-h_vqav2.py work_dirs/slan_vit-h_vqav2 8

The paper does not tell its fine-tuning settings; epochs, learning rate, batch size (256) and the ranking of 128
answers are BLIP's.

Expected: the paper's 83.4 on test-dev, 83.5 on test-std (Table 2); not measured here.
Starts from ``work_dirs/slan_vit-h_14m``; SLAN_CHECKPOINT names another start.
"""

_base_ = [
    '../_base_/models/slan_vit-h.py',
    '../_base_/datasets/vqav2.py',
    '../_base_/schedules/pretrain_20e.py',
    '../_base_/tasks/vqa.py',
]

load_from = '{{$SLAN_CHECKPOINT:work_dirs/slan_vit-h_14m}}'

model = dict(
    _base_.task_model,
    decoder=dict(model=_base_.bert, max_words=16, generation=dict(num_beams=3, max_new_tokens=10)),
    inference='rank',
    answer_list='{{$SLAN_DATA:data}}/vqa/answer_list.json',
    rank_k=128,
)

# A multiple of the ViT's patches of 14 pixels.
image_size = 476
pipeline = [dict(type='LoadImage'), dict(type='ResizeImage', size=image_size), _base_.pack]
# 8 GPUs x 32
train_dataloader = dict(
    batch_size=32,
    dataset=dict(datasets=[dict(part, pipeline=pipeline) for part in _base_.train_dataloader.dataset.datasets]),
)
val_dataloader = dict(vqa=dict(dataset=dict(pipeline=pipeline)))
test_dataloader = dict(vqa=dict(dataset=dict(pipeline=pipeline)))

train_cfg = dict(max_epochs=10, val_interval=5000)
# Input and output embeddings of the decoder are the same parameter.
optim_wrapper = dict(optimizer=dict(lr=2e-5, weight_decay=0.05), paramwise_cfg=dict(bypass_duplicate=True))
auto_scale_lr = dict(enable=False, base_batch_size=256)
default_hooks = dict(checkpoint=dict(interval=5000))
