"""SLAN with a ResNet-50 on 14 M pairs, its detector from a DETR that was trained on COCO (Table 9).

    python tools/model_converters/detr_to_slan.py configs/pretrain/slan_r50_14m_detr.py DETR.pth work_dirs/slan_detr.pth
    NNODES=4 NODE_RANK=0 MASTER_ADDR=<machine 0> bash tools/dist_train.sh configs/pretrain/slan_r50_14m_detr.py 8

DETR.pth is mmdet's detr_r50_8xb2-150e_coco. The rest is configs/pretrain/slan_r50_14m.py.
Expected: the paper's TR@1 / IR@1, fine-tuned, COCO 85.6 / 67.7, Flickr30k 97.6 / 88.4 (Table 9; without DETR's weights
85.1 / 68.9 and 97.4 / 88.2); not measured here.
"""

_base_ = './slan_r50_14m.py'

load_from = 'work_dirs/slan_detr.pth'
# DETR's sizes, and its own queries: 100, whose boxes are offsets from nothing.
model = dict(
    image=dict(
        detector=dict(
            type='PlainQueryDetector',
            width=256,
            num_encoder_layers=6,
            num_decoder_layers=6,
            num_heads=8,
            feedforward_channels=2048,
        ),
    ),
)
