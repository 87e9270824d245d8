"""How samples are drawn in training and in evaluation; the files in ``datasets/`` inherit it."""

train_loader = dict(drop_last=True, sampler=dict(type='ResumableSampler', shuffle=True))
test_loader = dict(drop_last=False, sampler=dict(type='DefaultSampler', shuffle=False))
