"""``ShapesNLVR``: two generated pictures and a true or false sentence. Nothing to download."""

image_size = 64


def _loader(split, num_sentences, **options):
    return dict(
        num_workers=0,
        dataset=dict(type='ShapesNLVR', split=split, num_sentences=num_sentences, image_size=image_size),
        **options,
    )


train_dataloader = _loader(
    'train', 5000, batch_size=32, drop_last=True, sampler=dict(type='ResumableSampler', shuffle=True)
)
evaluation = dict(batch_size=50, drop_last=False, sampler=dict(type='DefaultSampler', shuffle=False))
val_dataloader = dict(nlvr2=_loader('val', 100, **evaluation))
test_dataloader = dict(nlvr2=_loader('test', 100, **evaluation))
val_evaluator = dict(nlvr2=dict(type='mmengine.Evaluator', metrics=[dict(type='NLVR2Metric')]))
test_evaluator = val_evaluator
