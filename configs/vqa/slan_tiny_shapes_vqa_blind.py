"""Questions about generated shapes, answered without seeing them: what a model reaches by language alone.

    python tools/train.py configs/vqa/slan_tiny_shapes_vqa_blind.py
    python tools/test.py configs/vqa/slan_tiny_shapes_vqa_blind.py work_dirs/slan_tiny_shapes_vqa_blind

Expected: 27.6, one seed (docs/tasks/vqa.md).
"""

_base_ = './slan_tiny_shapes_vqa.py'

pipeline = [
    dict(type='BlankImage'),
    dict(type='PackPairs', meta_keys=('question_id', 'answers', 'answer_type')),
]
train_dataloader = dict(dataset=dict(pipeline=pipeline))
val_dataloader = dict(vqa=dict(dataset=dict(pipeline=pipeline)))
test_dataloader = dict(vqa=dict(dataset=dict(pipeline=pipeline)))
