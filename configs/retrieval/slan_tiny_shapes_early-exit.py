"""The shipped weights with an early exit of re-ranking: an ITM head for the locator's first level; all else is frozen.

    python tools/train.py configs/retrieval/slan_tiny_shapes_early-exit.py
    python tools/test.py configs/retrieval/slan_tiny_shapes_early-exit.py work_dirs/slan_tiny_shapes_early-exit

Starts from the shipped weights; SLAN_CHECKPOINT names another start. Takes about four minutes of one CPU core.
Expected: R@1 84.4 and 85.2, all recalls as without the exit (docs/tasks/retrieval.md has the table).
"""

_base_ = '../pretrain/slan_tiny_shapes_long.py'

load_from = '{{$SLAN_CHECKPOINT:checkpoints/slan_tiny_shapes_long.safetensors}}'

model = dict(type='EarlyExitSLAN', objective=dict(early_itm=dict(), hardness=1.0))

# Hard negatives come from the batch, and nothing but a small head has a backward pass.
train_dataloader = dict(batch_size=128)
max_iters = 400
train_cfg = dict(max_iters=max_iters)
optim_wrapper = dict(optimizer=dict(lr=1e-3))
auto_scale_lr = dict(enable=False, base_batch_size=128)

val_dataloader = dict(_delete_=True, retrieval=_base_.val_dataloader.retrieval)
test_dataloader = dict(_delete_=True, retrieval=_base_.test_dataloader.retrieval)
# An eighth of the k best goes on after the first level; full_k=None: all of them.
val_evaluator = dict(_delete_=True, retrieval=dict(_base_.val_evaluator.retrieval, k=64, full_k=8))
test_evaluator = val_evaluator
