"""``ShapesVQA``: questions about generated shapes."""

image_size = 64

train_dataloader = dict(
    batch_size=32,
    # A picture takes under a millisecond: workers would only take time from the training on a small machine.
    num_workers=0,
    drop_last=True,
    sampler=dict(type='ResumableSampler', shuffle=True),
    dataset=dict(type='ShapesVQA', split='train', image_size=image_size),
)


def _evaluation_loader(split):
    return dict(
        batch_size=50,
        num_workers=0,
        drop_last=False,
        sampler=dict(type='DefaultSampler', shuffle=False),
        dataset=dict(type='ShapesVQA', split=split, image_size=image_size, test_mode=True),
    )


val_dataloader = dict(vqa=_evaluation_loader('val'))
test_dataloader = dict(vqa=_evaluation_loader('test'))
val_evaluator = dict(vqa=dict(type='mmengine.Evaluator', metrics=[dict(type='VQAMetric')]))
test_evaluator = val_evaluator
