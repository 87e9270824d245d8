"""``ShapesPairs`` to be captioned: a caption for training, five references an image for evaluation."""

_base_ = '../loaders.py'

image_size = 64


def _pictures(split, **options):
    return dict(type='ShapesPairs', split=split, image_size=image_size, **options)


def _evaluation_loader(split):
    pictures = _pictures(split, task='retrieval', captions_per_image=5, test_mode=True)
    return dict(captioning=dict(**_base_.test_loader, batch_size=50, num_workers=0, dataset=pictures))


train_dataloader = dict(**_base_.train_loader, batch_size=32, num_workers=0, dataset=_pictures('train', task='pair'))
val_dataloader = _evaluation_loader('val')
test_dataloader = _evaluation_loader('test')
# The shapes' captions are words and spaces: they need no Java to be cut into words.
val_evaluator = dict(
    captioning=dict(
        type='mmengine.Evaluator',
        metrics=[
            dict(type='CaptionMetric', tokenizer='simple', scorers=('BLEU', 'ROUGE_L', 'CIDEr')),
            dict(type='CaptionTruthMetric'),
        ],
    )
)
test_evaluator = val_evaluator
