"""``ShapesPairs``: generated shapes data. Nothing to download; boxes in the evaluation splits only."""

_base_ = '../loaders.py'

dataset_type = 'ShapesPairs'
image_size = 64

train_dataloader = dict(
    **_base_.train_loader,
    batch_size=32,
    # A picture takes under a millisecond: workers would only take time from the training on a small machine.
    num_workers=0,
    # Drawn once, 240 MB: from the second pass on an item takes a third of the time.
    dataset=dict(type=dataset_type, split='train', task='pair', image_size=image_size, cache=True),
)


def _evaluation_loader(split, task):
    return dict(
        **_base_.test_loader,
        batch_size=50,
        num_workers=0,
        dataset=dict(type=dataset_type, split=split, task=task, image_size=image_size, test_mode=True),
    )


val_dataloader = dict(
    retrieval=_evaluation_loader('val', 'retrieval'), grounding=_evaluation_loader('val', 'grounding')
)
test_dataloader = dict(
    retrieval=_evaluation_loader('test', 'retrieval'), grounding=_evaluation_loader('test', 'grounding')
)
val_evaluator = dict(
    retrieval=dict(type='RetrievalEvaluator'),
    grounding=dict(type='mmengine.Evaluator', metrics=[dict(type='GroundingMetric')]),
)
test_evaluator = val_evaluator
