"""VQA v2 with Visual Genome's questions: trained on train2014 and val2014 as BLIP is, tested on test-dev.

Expects ``data/coco/{train2014/, val2014/, test2015/}``, ``data/vqa/v2_*.json`` and ``data/visual_genome/{VG_100K/,
VG_100K_2/, question_answers.json}``, see docs/tasks/vqa.md; SLAN_DATA names another folder than ``data``. Without
Visual Genome take its entry out of ``train_dataloader.dataset.datasets``.
"""

_base_ = '../loaders.py'

data_root = '{{$SLAN_DATA:data}}'
image_size = 224

pack = dict(type='PackPairs', meta_keys=('question_id', 'answers', 'answer_type', 'question_type', 'answer_weight'))
pipeline = [dict(type='LoadImage'), dict(type='ResizeImage', size=image_size), pack]


def _questions(split, answered=True):
    name = f'v2_mscoco_{split}_annotations.json'
    return dict(
        type='VQADataset',
        ann_file=f'vqa/v2_OpenEnded_mscoco_{split}_questions.json',
        answer_file=f'vqa/{name}' if answered else None,
        image_name=f'COCO_{split}_' + '{image_id:012d}.jpg',
        data_root=data_root,
        data_prefix=dict(img=f'coco/{split}'),
        id_prefix=f'vqa-{split}/',
        pipeline=pipeline,
    )


train_dataloader = dict(
    **_base_.train_loader,
    batch_size=32,
    num_workers=4,
    persistent_workers=True,
    dataset=dict(
        type='WeightedConcatDataset',
        datasets=[
            _questions('train2014'),
            _questions('val2014'),
            dict(
                type='VQADataset',
                format='visual_genome',
                ann_file='visual_genome/question_answers.json',
                data_root=data_root,
                data_prefix=dict(img='visual_genome'),
                id_prefix='vg/',
                # One annotator's answer, not ten.
                answer_weight=0.2,
                pipeline=pipeline,
            ),
        ],
    ),
)


def _evaluation_loader(dataset):
    return dict(**_base_.test_loader, batch_size=16, num_workers=4, dataset=dict(test_mode=True, **dataset))


# val2014 is trained on: its accuracy tells that training goes on, and no more.
val_dataloader = dict(vqa=_evaluation_loader(dict(indices=5000, **_questions('val2014'))))
test_dataloader = dict(vqa=_evaluation_loader(_questions('test-dev2015', answered=False)))
# The images of test-dev are some of test2015's.
test_dataloader['vqa']['dataset'].update(
    data_prefix=dict(img='coco/test2015'), image_name='COCO_test2015_{image_id:012d}.jpg'
)

val_evaluator = dict(vqa=dict(type='mmengine.Evaluator', metrics=[dict(type='VQAMetric')]))
test_evaluator = dict(
    vqa=dict(type='mmengine.Evaluator', metrics=[dict(type='VQAMetric', outfile_prefix='work_dirs/vqav2/test-dev')])
)
