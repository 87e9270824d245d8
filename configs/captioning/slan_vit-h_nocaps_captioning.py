"""Captions of nocaps' images, for its server, by a model that was fine-tuned on COCO (slan_vit-h_coco_captioning).

    bash tools/dist_test.sh configs/captioning/slan_vit-h_nocaps_captioning.py \
        work_dirs/slan_vit-h_coco_captioning 8

Expects ``data/nocaps/{images/, nocaps_val_image_info.json}`` and writes ``work_dirs/nocaps/results.json``,
``[{image_id, caption}, ...]``; nocaps keeps its references on its server.
Expected: a file of captions; the paper reports nothing on nocaps, not measured here.
"""

_base_ = './slan_vit-h_coco_captioning.py'

test_dataloader = dict(
    captioning=dict(
        dataset=dict(
            _delete_=True,
            type='ImageDataset',
            ann_file='nocaps_val_image_info.json',
            data_root='{{$SLAN_DATA:data}}/nocaps',
            data_prefix=dict(img='images'),
            pipeline=_base_.pipeline,
        )
    )
)
test_evaluator = dict(captioning=dict(metrics=[dict(type='CaptionMetric', outfile_prefix='work_dirs/nocaps/results')]))
