"""A few pictures on disk, tiny frozen encoders, and a config that reads from a store."""

import json

import numpy as np
import torch
from mmengine.config import ConfigDict
from mmengine.dataset import pseudo_collate
from PIL import Image

from slan_mm.feature_store.caching import cache_images, cache_texts
from slan_mm.feature_store.sources import stored_datasets
from slan_mm.registry import DATASETS, MODELS

CAPTIONS = [['a red circle', 'the red circle'], ['a small blue square'], ['a red circle'], ['a green star']]
PREPROCESSOR = dict(type='PairDataPreprocessor', mean=(10.0, 20.0, 30.0), std=(50.0, 60.0, 70.0))
TRANSFORMS = [dict(type='LoadImage'), dict(type='ResizeImage', size=32)]
BACKBONE = dict(type='mmdet.ResNet', depth=18, base_channels=8)


def write_pictures(folder, broken=()):
    """Four pictures of different sizes with captions; those in ``broken`` cannot be read."""
    rng = np.random.default_rng(0)
    for number in range(4):
        path = folder / f'{number}.png'
        if number in broken:
            path.write_bytes(b'no picture')
        else:
            pixels = rng.integers(0, 256, (20 + 4 * number, 40, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(path)
    entries = [
        dict(image=f'{number}.png', caption=captions, image_id=number) for number, captions in enumerate(CAPTIONS)
    ]
    (folder / 'pairs.json').write_text(json.dumps(entries))


def dataset_config(folder, pipeline, kind='PairDataset', **kwargs):
    return dict(
        type=kind,
        ann_file='pairs.json',
        format='json_list',
        data_root=str(folder),
        data_prefix=dict(img=''),
        pipeline=pipeline,
        max_unreadable_share=1.0,
        serialize_data=False,
        **kwargs,
    )


def config(folder, store, transforms=TRANSFORMS):
    """Training and retrieval loaders that read from ``store``."""
    pipeline = [dict(type='LoadCachedFeatures', store=str(store), transforms=transforms), dict(type='PackPairs')]
    return ConfigDict(
        train_dataloader=dict(dataset=dataset_config(folder, pipeline)),
        val_dataloader=dict(retrieval=dict(dataset=dataset_config(folder, pipeline, 'RetrievalDataset'))),
        test_dataloader=dict(retrieval=dict(dataset=dataset_config(folder, pipeline, 'RetrievalDataset'))),
    )


def stored_and_read(folder, store):
    """What a data preprocessor makes of the four pictures of ``folder``: of those in ``store``, and of those read."""
    steps = [dict(type='LoadCachedFeatures', store=str(store), transforms=TRANSFORMS)], TRANSFORMS
    batches = []
    for pipeline in steps:
        pictures = DATASETS.build(dataset_config(folder, [*pipeline, dict(type='PackPairs')], 'RetrievalDataset'))
        batch = pseudo_collate([pictures[number] for number in range(4)])
        batches.append(MODELS.build(PREPROCESSOR)(batch, False)['inputs'])
    return batches


def image_encoder(seed=0, **kwargs):
    torch.manual_seed(seed)
    settings = dict(backbone=BACKBONE, in_channels=[16, 32], out_levels=[1, 2], embed_dims=12, frozen=True) | kwargs
    return MODELS.build(dict(type='StoredImageEncoder') | settings).eval()


def text_encoder(seed=0, store='no store', **kwargs):
    """A text encoder in front of which a store stands, which is read when words are asked for; None: without one."""
    torch.manual_seed(seed)
    model = dict(hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32)
    settings = dict(tokenizer=dict(type='ShapesTokenizer'), model=model, frozen=True, embed_dims=12) | kwargs
    kind = dict(type='TextEncoder') if store is None else dict(type='StoredTextEncoder', store=str(store))
    return MODELS.build(kind | settings).eval()


def fill(folder, store, images=None, texts=None, transforms=TRANSFORMS):
    """Caches with the given encoders; returns the counts of pictures and texts."""
    (datasets,) = stored_datasets(config(folder, store, transforms)).values()
    pictures = cache_images(images, MODELS.build(PREPROCESSOR), datasets, store, batch_size=3) if images else 0
    return pictures, cache_texts(texts, datasets, store, batch_size=2) if texts else 0
