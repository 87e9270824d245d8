"""``ShapesPairs`` to be captioned: a caption for training, five references an image for evaluation."""

image_size = 64

train_dataloader = dict(
    batch_size=32,
    # A picture takes under a millisecond: workers would only take time from the training on a small machine.
    num_workers=0,
    drop_last=True,
    sampler=dict(type='ResumableSampler', shuffle=True),
    dataset=dict(type='ShapesPairs', split='train', task='pair', image_size=image_size),
)


def _evaluation_loader(split):
    return dict(
        batch_size=50,
        num_workers=0,
        drop_last=False,
        sampler=dict(type='DefaultSampler', shuffle=False),
        dataset=dict(
            type='ShapesPairs',
            split=split,
            task='retrieval',
            captions_per_image=5,
            image_size=image_size,
            test_mode=True,
        ),
    )


val_dataloader = dict(captioning=_evaluation_loader('val'))
test_dataloader = dict(captioning=_evaluation_loader('test'))
# The shapes' captions are words and spaces: they need no Java to be cut into words.
val_evaluator = dict(
    captioning=dict(
        type='mmengine.Evaluator',
        metrics=[dict(type='CaptionMetric', tokenizer='simple', scorers=('BLEU', 'ROUGE_L', 'CIDEr'))],
    )
)
test_evaluator = val_evaluator
