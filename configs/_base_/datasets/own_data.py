"""Your own pictures: a folder of images and a csv with the columns image and caption, 224 x 224.

Expects ``data/own/{images/, captions.csv}``, see docs/own_data.md. A column ``split`` with train and val is obeyed;
without one, a tenth of the images is held out as val. To point elsewhere without editing, set SLAN_OWN_DATA to the
folder that holds both.
"""

_base_ = '../loaders.py'

data_root = '{{$SLAN_OWN_DATA:data/own}}'
image_size = 224
seed = 0

pipeline = [dict(type='LoadImage'), dict(type='ResizeImage', size=image_size), dict(type='PackPairs')]
captions = dict(
    pipeline=pipeline,
    ann_file='captions.csv',
    format='table',
    holdout=0.1,
    data_root=data_root,
    data_prefix=dict(img='images'),
)

train_dataloader = dict(
    **_base_.train_loader,
    batch_size=32,
    num_workers=2,
    persistent_workers=True,
    dataset=dict(type='PairDataset', split='train', seed=seed, **captions),
)
val_dataloader = dict(
    retrieval=dict(
        **_base_.test_loader,
        batch_size=32,
        num_workers=2,
        # A picture that cannot be read is left out when the set is built: it would stop the evaluation.
        dataset=dict(type='RetrievalDataset', split='val', drop_unreadable=True, **captions),
    )
)
test_dataloader = val_dataloader

# Along the way without ITM, which takes most of the time of an evaluation.
val_evaluator = dict(retrieval=dict(type='RetrievalEvaluator', fast=True))
test_evaluator = dict(retrieval=dict(type='RetrievalEvaluator'))
