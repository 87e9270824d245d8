"""``ShapesNLVR``: two generated pictures and a true or false sentence. Nothing to download."""

_base_ = '../loaders.py'

image_size = 64


def _sentences(split, number):
    return dict(type='ShapesNLVR', split=split, num_sentences=number, image_size=image_size)


def _evaluation_loader(split):
    return dict(nlvr2=dict(**_base_.test_loader, batch_size=50, num_workers=0, dataset=_sentences(split, 100)))


train_dataloader = dict(**_base_.train_loader, batch_size=32, num_workers=0, dataset=_sentences('train', 5000))
val_dataloader = _evaluation_loader('val')
test_dataloader = _evaluation_loader('test')
val_evaluator = dict(nlvr2=dict(type='mmengine.Evaluator', metrics=[dict(type='NLVR2Metric')]))
test_evaluator = val_evaluator
