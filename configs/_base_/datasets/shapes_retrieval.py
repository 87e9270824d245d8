"""``ShapesPairs`` for retrieval alone, as a fine-tuned model is evaluated."""

_base_ = './shapes.py'

val_dataloader = dict(_delete_=True, retrieval=_base_.val_dataloader.retrieval)
test_dataloader = dict(_delete_=True, retrieval=_base_.test_dataloader.retrieval)
val_evaluator = dict(_delete_=True, retrieval=dict(type='RetrievalEvaluator', k=16, setting='fine-tuned'))
test_evaluator = val_evaluator
