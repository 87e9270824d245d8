"""Your own pictures: a folder of images and a csv with the columns image and caption, 224 x 224.

Expects ``data/own/{images/, captions.csv}``, see docs/own_data.md. A column ``split`` with train, val and, if there is
one, test is obeyed; without one, a tenth of the images is held out as val. To point elsewhere without editing, set
SLAN_OWN_DATA to the folder that holds both.
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
loader = dict(**_base_.test_loader, batch_size=32, num_workers=2)
# A picture that cannot be read is left out when the set is built: it would stop the evaluation.
pictures = dict(type='RetrievalDataset', drop_unreadable=True, **captions)
val_dataloader = dict(retrieval=dict(**loader, dataset=dict(split='val', **pictures)))
# Pictures of val choose the checkpoint and the weights: a split test, where there is one, is the better judge.
test_dataloader = dict(retrieval=dict(**loader, dataset=dict(split='test', split_else='val', **pictures)))

# The same shortlist both times: the weight of ITM is chosen for it.
val_evaluator = dict(retrieval=dict(type='RetrievalEvaluator', k=16, choose_weights=True))
test_evaluator = dict(retrieval=dict(type='RetrievalEvaluator', k=16))
