"""``ShapesVQA``: questions about generated shapes."""

_base_ = '../loaders.py'

image_size = 64


def _questions(split, **options):
    return dict(type='ShapesVQA', split=split, image_size=image_size, **options)


def _evaluation_loader(split):
    questions = _questions(split, test_mode=True)
    return dict(vqa=dict(**_base_.test_loader, batch_size=50, num_workers=0, dataset=questions))


train_dataloader = dict(**_base_.train_loader, batch_size=32, num_workers=0, dataset=_questions('train'))
val_dataloader = _evaluation_loader('val')
test_dataloader = _evaluation_loader('test')
val_evaluator = dict(vqa=dict(type='mmengine.Evaluator', metrics=[dict(type='VQAMetric')]))
test_evaluator = val_evaluator
