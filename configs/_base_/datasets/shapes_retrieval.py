"""``ShapesCrowds`` for retrieval alone, as a fine-tuned model is evaluated: more shapes than in pre-training."""

_base_ = './shapes.py'


def _crowds(loader):
    return dict(_delete_=True, retrieval=dict(loader, dataset=dict(loader['dataset'], type='ShapesCrowds')))


train_dataloader = dict(dataset=dict(type='ShapesCrowds'))
val_dataloader = _crowds(_base_.val_dataloader.retrieval)
test_dataloader = _crowds(_base_.test_dataloader.retrieval)
val_evaluator = dict(_delete_=True, retrieval=dict(type='RetrievalEvaluator', k=16, setting='fine-tuned'))
test_evaluator = val_evaluator
