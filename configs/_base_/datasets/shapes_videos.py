"""``ShapesVideos``: generated videos of two scenes. Nothing to download, nothing to decode."""

image_size = 64


def _loader(split, num_videos, **options):
    return dict(
        num_workers=0,
        dataset=dict(type='ShapesVideos', split=split, num_videos=num_videos, num_frames=4, image_size=image_size),
        **options,
    )


train_dataloader = _loader(
    'train', 5000, batch_size=16, drop_last=True, sampler=dict(type='ResumableSampler', shuffle=True)
)
evaluation = dict(batch_size=25, drop_last=False, sampler=dict(type='DefaultSampler', shuffle=False))
val_dataloader = dict(retrieval=_loader('val', 100, **evaluation))
test_dataloader = dict(retrieval=_loader('test', 100, **evaluation))
val_evaluator = dict(retrieval=dict(type='RetrievalEvaluator', k=16, items='videos'))
test_evaluator = val_evaluator
