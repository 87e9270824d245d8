"""A hundred VQA v2 questions about 66 COCO images, 224 x 224; the questions of a quarter of the images are held out.

Expects ``data/coco_mini/{train2017/, annotations/vqa_v2_{questions,annotations}.json}``, the official layout. SLAN_DATA
names another folder than ``data``.
"""

_base_ = '../loaders.py'

data_root = '{{$SLAN_DATA:data}}/coco_mini'
image_size = 224

pack = dict(type='PackPairs', meta_keys=('question_id', 'answers', 'answer_type', 'question_type', 'answer_weight'))
pipeline = [dict(type='LoadImage'), dict(type='ResizeImage', size=image_size), pack]
questions = dict(
    type='VQADataset',
    ann_file='annotations/vqa_v2_questions.json',
    answer_file='annotations/vqa_v2_annotations.json',
    image_name='{image_id:012d}.jpg',
    data_root=data_root,
    data_prefix=dict(img='train2017'),
    holdout=0.25,
    pipeline=pipeline,
)

train_dataloader = dict(**_base_.train_loader, batch_size=20, num_workers=0, dataset=dict(split='train', **questions))
val_dataloader = dict(
    vqa=dict(**_base_.test_loader, batch_size=20, num_workers=0, dataset=dict(split='val', test_mode=True, **questions))
)
test_dataloader = val_dataloader
val_evaluator = dict(vqa=dict(type='mmengine.Evaluator', metrics=[dict(type='VQAMetric')]))
test_evaluator = dict(
    vqa=dict(
        type='mmengine.Evaluator', metrics=[dict(type='VQAMetric', outfile_prefix='work_dirs/coco_mini_vqa/results')]
    )
)
