"""``ShapesPairs``: generated shapes data. Nothing to download; boxes in the evaluation splits only."""

dataset_type = 'ShapesPairs'
image_size = 64

train_dataloader = dict(
    drop_last=True,
    sampler=dict(type='ResumableSampler', shuffle=True),
    batch_size=32,
    # A picture takes under a millisecond: workers would only take time from the training on a small machine.
    num_workers=0,
    # Drawn once, 240 MB: from the second pass on an item takes a third of the time.
    dataset=dict(type=dataset_type, split='train', task='pair', image_size=image_size, cache=True),
)


def _evaluation_loader(split, task):
    return dict(
        drop_last=False,
        sampler=dict(type='DefaultSampler', shuffle=False),
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
