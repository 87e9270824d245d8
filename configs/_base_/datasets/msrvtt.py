"""MSR-VTT, test list 1k-A (Yu et al. 2018): 1,000 videos with a sentence each, 8 frames a video, 224 x 224.

Expects ``data/msrvtt/{MSRVTT_JSFUSION_test.csv, videos/video7020.mp4, ...}``, see docs/tasks/video_retrieval.md;
SLAN_DATA names another folder than ``data``. Videos are read by PyAV, the extra ``video``.
"""

_base_ = '../loaders.py'

data_root = '{{$SLAN_DATA:data}}/msrvtt'
image_size = 224
num_frames = 8

test_dataloader = dict(
    retrieval=dict(
        **_base_.test_loader,
        batch_size=8,
        num_workers=8,
        dataset=dict(
            type='RetrievalDataset',
            ann_file='MSRVTT_JSFUSION_test.csv',
            format='msrvtt',
            data_root=data_root,
            data_prefix=dict(img='videos'),
            metainfo=dict(dataset_name='MSR-VTT 1k-A', split=f'test ({num_frames} frames a video)'),
            pipeline=[
                dict(type='LoadVideo', num_frames=num_frames),
                dict(
                    type='mmpretrain.ApplyToList',
                    scatter_key='img',
                    transforms=[dict(type='slan_mm.ResizeImage', size=image_size)],
                    collate_keys=['img'],
                ),
                dict(type='CleanCaptionPair'),
                dict(type='PackPairs'),
            ],
        ),
    )
)
# A video holds the feature maps of all its frames: half precision in the store, few pairs at once.
test_evaluator = dict(
    retrieval=dict(
        type='RetrievalEvaluator', k=128, setting='zero-shot', items='videos', store_dtype='float16', pair_chunk=32
    )
)
test_cfg = dict(type='TaskLoop')
