import pickle
import random

import pytest
import torch
from mmengine.dataset import pseudo_collate
from PIL import Image
from support.feature_store import (
    CAPTIONS,
    PREPROCESSOR,
    TRANSFORMS,
    config,
    dataset_config,
    fill,
    image_encoder,
    text_encoder,
    write_pictures,
)

from slan_mm.datasets.unreadable import UnreadableImageError
from slan_mm.feature_store import FeatureStoreError, ImageStore, LoadCachedFeatures, TextStore
from slan_mm.feature_store.caching import cache_images, cache_texts
from slan_mm.feature_store.sources import stored_datasets
from slan_mm.folder_lock import FolderInUseError, FolderLock
from slan_mm.registry import DATASETS, MODELS


@pytest.fixture
def pictures(tmp_path):
    folder = tmp_path / 'pictures'
    folder.mkdir()
    write_pictures(folder)
    return folder


def batch_of(dataset, indices):
    return pseudo_collate([dataset[index] for index in indices])


def test_training_from_the_store_equals_training_from_pictures(pictures, tmp_path):
    encoder = image_encoder()
    assert fill(pictures, tmp_path / 'store', encoder) == (4, 0)
    stored = DATASETS.build(config(pictures, tmp_path / 'store').train_dataloader.dataset)
    direct = DATASETS.build(dataset_config(pictures, [*TRANSFORMS, dict(type='PackPairs')]))
    preprocessor = MODELS.build(PREPROCESSOR)
    order = [4, 0, 2, 1, 3]
    from_store = preprocessor(batch_of(stored, order))
    from_pictures = preprocessor(batch_of(direct, order))
    assert len(from_store['inputs']) == 5
    for level, expected in zip(
        encoder.extract(from_store['inputs']), encoder.extract(from_pictures['inputs']), strict=True
    ):
        assert level.dtype == torch.float32
        torch.testing.assert_close(level, expected, atol=1e-3, rtol=1e-3)
    torch.testing.assert_close(encoder(from_store['inputs']), encoder(from_pictures['inputs']), atol=5e-3, rtol=5e-3)
    for one, other in zip(from_store['data_samples'], from_pictures['data_samples'], strict=True):
        assert one.text == other.text and one.metainfo == other.metainfo


def test_mixed_precision_reads_the_same_levels(pictures, tmp_path):
    fill(pictures, tmp_path / 'store', image_encoder())
    stored = DATASETS.build(config(pictures, tmp_path / 'store').train_dataloader.dataset)
    preprocessor, batch = MODELS.build(PREPROCESSOR), batch_of(stored, [1, 0])
    with torch.autocast('cpu', torch.bfloat16):
        mixed = preprocessor(batch)['inputs']
    assert all(map(torch.equal, mixed.levels, preprocessor(batch)['inputs'].levels))


def test_evaluation_indexes_stored_levels_like_pictures(pictures, tmp_path):
    encoder = image_encoder()
    fill(pictures, tmp_path / 'store', encoder)
    dataset = DATASETS.build(config(pictures, tmp_path / 'store').val_dataloader.retrieval.dataset)
    inputs = MODELS.build(PREPROCESSOR)(batch_of(dataset, [0, 1, 2]))['inputs']
    fresh = inputs[torch.tensor([2, 0], device=inputs.device)]
    assert len(fresh) == 2
    torch.testing.assert_close(encoder(fresh), encoder(inputs)[[2, 0]])


def test_one_file_a_level_in_half_precision(pictures, tmp_path):
    fill(pictures, tmp_path / 'store', image_encoder())
    folder = tmp_path / 'store' / 'images'
    assert sorted(path.name for path in folder.iterdir()) == [
        'bytes.bin',
        'crc32.bin',
        'index.json',
        'level0.bin',
        'level1.bin',
        'shapes.bin',
    ]
    assert (folder / 'level0.bin').stat().st_size == 4 * 16 * 4 * 4 * 2
    store = pickle.loads(pickle.dumps(ImageStore(tmp_path / 'store')))
    assert len(store) == 4
    assert store.shapes(store.row('2')) == ((28, 40), (32, 32))
    assert store.levels(0)[0].dtype == torch.float16


def test_other_preprocessing_is_refused(pictures, tmp_path):
    fill(pictures, tmp_path / 'store', image_encoder())
    with pytest.raises(FeatureStoreError, match=r'other preprocessing .*cache_features\.py'):
        LoadCachedFeatures(str(tmp_path / 'store'), [dict(type='LoadImage'), dict(type='ResizeImage', size=64)])
    dataset = DATASETS.build(config(pictures, tmp_path / 'store').train_dataloader.dataset)
    with pytest.raises(FeatureStoreError, match='other normalisation'):
        MODELS.build(PREPROCESSOR | dict(mean=(0.0, 0.0, 0.0)))(batch_of(dataset, [0, 1]))


def test_missing_stores_and_pictures_are_named(pictures, tmp_path):
    with pytest.raises(FeatureStoreError, match='does not exist. Make it with'):
        LoadCachedFeatures(str(tmp_path / 'absent'), TRANSFORMS)
    fill(pictures, tmp_path / 'store', image_encoder())
    load = LoadCachedFeatures(str(tmp_path / 'store'), TRANSFORMS)
    with pytest.raises(FeatureStoreError, match="no image '77'"):
        load(dict(image_id='77'))


def test_the_annotated_size_of_the_original_stays(pictures, tmp_path):
    fill(pictures, tmp_path / 'store', image_encoder())
    load = LoadCachedFeatures(str(tmp_path / 'store'), TRANSFORMS)
    assert load(dict(image_id='2'))['ori_shape'] == (28, 40)
    # Grounding's boxes are in pixels of the original, of which the file may be a smaller copy.
    assert load(dict(image_id='2', ori_shape=(280, 400)))['ori_shape'] == (280, 400)


def test_a_batch_may_be_of_several_stores_but_not_of_several_sizes(pictures, tmp_path):
    items = []
    for name, size in (('one', 32), ('two', 32), ('three', 48)):
        transforms = [TRANSFORMS[0], dict(type='ResizeImage', size=size)]
        fill(pictures, tmp_path / name, image_encoder(), transforms=transforms)
        items.append(DATASETS.build(config(pictures, tmp_path / name, transforms).train_dataloader.dataset)[0])
    preprocessor = MODELS.build(PREPROCESSOR)
    inputs = preprocessor(pseudo_collate(items[:2]))['inputs']
    assert inputs.stores == (str(tmp_path / 'one'), str(tmp_path / 'two')) and len(inputs) == 2
    # Each of them is checked.
    with pytest.raises(FeatureStoreError, match='other weights'):
        image_encoder(seed=1).extract(inputs)
    with pytest.raises(FeatureStoreError, match='stores of other sizes'):
        preprocessor(pseudo_collate(items))
    with pytest.raises(FeatureStoreError, match='no store'):
        preprocessor(pseudo_collate([items[0], {**items[1], 'inputs': torch.zeros(3, 32, 32)}]))


def test_an_item_reads_one_of_several_views(pictures, tmp_path):
    cfg = config(pictures, tmp_path / 'store')
    views = [
        dict(store=str(tmp_path / f'view{view}'), transforms=[TRANSFORMS[0], dict(type='CropView', view=view), size])
        for size in TRANSFORMS[1:]
        for view in (1, 2)
    ]
    cfg.train_dataloader.dataset.pipeline[0]['views'] = views
    stores, encoder = stored_datasets(cfg), image_encoder()
    # Views are of the training pictures alone.
    assert {store.rsplit('/', 1)[-1]: len(sets) for store, sets in stores.items()} == dict(store=2, view1=1, view2=1)
    for store, datasets in stores.items():
        cache_images(encoder, MODELS.build(PREPROCESSOR), datasets, store)
    dataset = DATASETS.build(cfg.train_dataloader.dataset)
    read = [dataset[epoch * len(dataset)]['inputs'] for epoch in range(30)]
    assert {item.store for item in read} == set(stores)
    assert [item.store for item in read] == [dataset[epoch * len(dataset)]['inputs'].store for epoch in range(30)]
    for item in read:
        images = ImageStore(item.store)
        assert torch.equal(item.levels[0], images.levels(images.row('0'))[0])
    one, other = (ImageStore(view['store']).levels(0)[0] for view in views)
    assert not torch.equal(one, other)


def test_unreadable_pictures_are_skipped_as_without_a_store(tmp_path):
    write_pictures(tmp_path, broken=[1])
    fill_config = config(tmp_path, tmp_path / 'store')
    del fill_config['val_dataloader'], fill_config['test_dataloader']
    fill(tmp_path, tmp_path / 'store', image_encoder())
    dataset = DATASETS.build(fill_config.train_dataloader.dataset)
    image_ids = [dataset[index]['data_samples'].image_id for index in range(len(dataset))]
    assert image_ids[0] == '0' and image_ids[2] != '1' and image_ids[3] == '2'
    load = LoadCachedFeatures(str(tmp_path / 'store'), TRANSFORMS)
    with pytest.raises(UnreadableImageError, match='could not be read when the feature store'):
        load(dict(image_id='1'))


def test_features_beyond_half_precision_are_an_error(pictures, tmp_path):
    encoder = image_encoder()
    with torch.no_grad():
        encoder.backbone.layer2[1].bn2.bias.fill_(1e6)
    with pytest.raises(FeatureStoreError, match="Features of '0' are not finite in half precision"):
        fill(pictures, tmp_path / 'store', encoder)


def test_a_store_of_other_pictures_is_made_again(pictures, tmp_path):
    before = fill(pictures, tmp_path / 'store', image_encoder()) and ImageStore(tmp_path / 'store').levels(0)[0]
    state = (pictures / '0.png').stat()
    Image.new('RGB', (40, 20), 'red').save(pictures / '0.png')
    # The one who trains is told, where the file's size tells it.
    load = LoadCachedFeatures(str(tmp_path / 'store'), TRANSFORMS)
    with pytest.raises(FeatureStoreError, match=r'0\.png has changed since .*cache_features\.py'):
        load(dict(image_id='0', img_path=str(pictures / '0.png')))
    load(dict(image_id='0', img_path=str(pictures / 'gone.png')))
    # The time alone tells it to the one who fills the store.
    with open(pictures / '0.png', 'ab') as file:
        file.write(bytes(state.st_size - (pictures / '0.png').stat().st_size))
    load(dict(image_id='0', img_path=str(pictures / '0.png')))
    fill(pictures, tmp_path / 'store', image_encoder())
    assert not torch.equal(ImageStore(tmp_path / 'store').levels(0)[0], before)


def test_a_store_that_has_more_stays(pictures, tmp_path):
    store = tmp_path / 'store'
    fill(pictures, store, image_encoder(), text_encoder())
    written = (store / 'images/index.json').stat().st_mtime_ns, (store / 'texts/index.json').stat().st_mtime_ns
    fewer = config(pictures, store)
    for loader in (fewer.train_dataloader, fewer.val_dataloader.retrieval, fewer.test_dataloader.retrieval):
        loader.dataset.indices = 2
    sets = stored_datasets(fewer)[str(store)]
    assert cache_images(image_encoder(), MODELS.build(PREPROCESSOR), sets, store) == 2
    assert cache_texts(text_encoder(), sets, store) < 4
    assert written == (
        (store / 'images/index.json').stat().st_mtime_ns,
        (store / 'texts/index.json').stat().st_mtime_ns,
    )
    # What another encoder made is no more of it.
    cache_images(image_encoder(1), MODELS.build(PREPROCESSOR), sets, store)
    assert len(ImageStore(store)) == 2


def test_one_process_at_a_time_fills_a_store(pictures, tmp_path):
    with FolderLock(tmp_path / 'store'):
        for encoders in (dict(images=image_encoder()), dict(texts=text_encoder())):
            with pytest.raises(FolderInUseError, match='store is being changed by process'):
                fill(pictures, tmp_path / 'store', **encoders)
    assert fill(pictures, tmp_path / 'store', image_encoder(), text_encoder()) == (4, 4)


def test_flipped_bits_are_found(tmp_path):
    """100 places all over the files: what is read is what was written."""
    write_pictures(tmp_path, broken=[1])
    tokens = text_encoder().tokenize([text for texts in CAPTIONS for text in texts])
    fill(tmp_path, tmp_path / 'store', image_encoder(), text_encoder())

    def read():
        images, texts = ImageStore(tmp_path / 'store'), TextStore(tmp_path / 'store')
        rows = [images.row(str(number)) for number in range(4)]
        levels = [level for row in rows if images.shapes(row) for level in images.levels(row)]
        words = [texts.words(row) for row in texts.find(tokens.input_ids, tokens.mask) if row is not None]
        return [images.shapes(row) for row in rows], [value.tolist() for value in (*levels, *words)]

    written, found = read(), 0
    files = [path for path in (tmp_path / 'store').rglob('*') if path.suffix in ('.bin', '.json')]
    contents = {path: path.read_bytes() for path in files}
    draw = random.Random(0)
    for _ in range(100):
        # As often in a short file as in a long one.
        path = draw.choice(files)
        damaged = bytearray(contents[path])
        damaged[draw.randrange(len(damaged))] ^= 0x40
        path.write_bytes(damaged)
        try:
            again = read()
        except FeatureStoreError:
            found += 1
        else:
            # A text whose key is another one now is encoded again.
            assert again[0] == written[0] and all(value in written[1] for value in again[1])
        path.write_bytes(contents[path])
    assert found > 80
