"""``ShapesVideos``: generated videos of two scenes. Nothing to download, nothing to decode."""

_base_ = '../loaders.py'

image_size = 64


def _videos(split, number):
    return dict(type='ShapesVideos', split=split, num_videos=number, num_frames=4, image_size=image_size)


def _evaluation_loader(split):
    return dict(retrieval=dict(**_base_.test_loader, batch_size=25, num_workers=0, dataset=_videos(split, 100)))


train_dataloader = dict(**_base_.train_loader, batch_size=16, num_workers=0, dataset=_videos('train', 5000))
val_dataloader = _evaluation_loader('val')
test_dataloader = _evaluation_loader('test')
# ITM has seen one scene at a time; its weight is chosen on val, see docs/results_tasks.md.
val_evaluator = dict(retrieval=dict(type='RetrievalEvaluator', k=16, items='videos', itm_weight=0.2))
test_evaluator = val_evaluator
