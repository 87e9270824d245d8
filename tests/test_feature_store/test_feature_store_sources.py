import pytest
from support.feature_store import PREPROCESSOR, TRANSFORMS, config, image_encoder, write_pictures

from slan_mm.feature_store import FeatureStoreError
from slan_mm.feature_store.caching import cache_images
from slan_mm.feature_store.sources import stored_datasets
from slan_mm.registry import MODELS


def test_data_sets_are_found_once_with_all_their_texts(tmp_path):
    write_pictures(tmp_path)
    cfg = config(tmp_path, tmp_path / 'store')
    cfg.train_dataloader.dataset.pipeline.insert(1, dict(type='mmpretrain.CleanCaption', keys='text', remove_chars='e'))
    cfg.train_dataloader.dataset['sample'] = 'image'
    (datasets,) = stored_datasets(cfg).values()
    assert [type(dataset.pictures).__name__ for dataset in datasets] == ['PairDataset', 'RetrievalDataset']
    train, retrieval = datasets
    # Items are images there, with one of their captions drawn each epoch: all of them count, cleaned.
    assert train.texts(0) == ['a r d circl', 'th r d circl'] or train.texts(0) == ['a rd circl', 'th rd circl']
    assert retrieval.texts(0) == ['a red circle', 'the red circle']
    assert train.picture(1)['inputs'].shape == (3, 32, 32)


def test_random_pipelines_are_refused(tmp_path):
    write_pictures(tmp_path)
    cfg = config(tmp_path, tmp_path / 'store', [*TRANSFORMS, dict(type='RandomFlipPair')])
    with pytest.raises(FeatureStoreError, match='RandomFlipPair.* another picture each time'):
        stored_datasets(cfg)


def test_one_store_has_one_preprocessing(tmp_path):
    write_pictures(tmp_path)
    cfg = config(tmp_path, tmp_path / 'store')
    cfg.val_dataloader.retrieval.dataset.pipeline[0].transforms = [TRANSFORMS[0], dict(type='ResizeImage', size=48)]
    with pytest.raises(FeatureStoreError, match='preprocess differently'):
        stored_datasets(cfg)


def test_one_id_for_two_pictures_is_refused(tmp_path):
    for name in ('a', 'b'):
        (tmp_path / name).mkdir()
        write_pictures(tmp_path / name)
    cfg = config(tmp_path / 'a', tmp_path / 'store')
    cfg.val_dataloader = config(tmp_path / 'b', tmp_path / 'store').val_dataloader
    (datasets,) = stored_datasets(cfg).values()
    with pytest.raises(FeatureStoreError, match=r"image id '0' stands for .*id_prefix"):
        cache_images(image_encoder(), MODELS.build(PREPROCESSOR), datasets, tmp_path / 'store')
