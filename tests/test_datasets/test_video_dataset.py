"""Video data sets: RetrievalDataset and PairDataset with LoadVideo."""

import numpy as np
import pytest
import torch
from mmengine.dataset import pseudo_collate
from support.film import numbers, write_film
from torch.utils.data import DataLoader

from slan_mm.datasets.unreadable import UnreadableImageError
from slan_mm.registry import DATASETS, TRANSFORMS


def pipeline(**options):
    return [
        dict(type='LoadVideo', num_frames=4, **options),
        dict(
            type='mmpretrain.ApplyToList',
            scatter_key='img',
            transforms=[dict(type='slan_mm.ResizeImage', size=8)],
            collate_keys=['img'],
        ),
        dict(type='PackPairs', meta_keys=['total_frames']),
    ]


@pytest.fixture
def build(tmp_path, write):
    """Videos v0 ... v5 of 12, 8, 2, 12, 12 and 12 frames; those in ``broken`` are cut in the middle."""
    (tmp_path / 'videos').mkdir()
    for number, length in enumerate((12, 8, 2, 12, 12, 12)):
        write_film(tmp_path / f'videos/v{number}.mp4', length)

    def _build(type='RetrievalDataset', broken=(), sampling='uniform', **options):
        for name in broken:
            path = tmp_path / f'videos/{name}.mp4'
            path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
        write(
            'list.csv', 'key,vid_key,video_id,sentence\n' + ''.join(f'r{n},m{n},v{n},sentence {n}\n' for n in range(6))
        )
        return DATASETS.build(
            dict(type=type, ann_file='list.csv', format='msrvtt', data_root=str(tmp_path),
                 data_prefix=dict(img='videos'), pipeline=pipeline(sampling=sampling)) | options
        )  # fmt: skip

    return _build


def frames_of(item):
    return numbers(item['inputs'].numpy())


def test_evaluation_items(build):
    dataset = build()
    assert len(dataset) == 6
    item = dataset[0]
    sample = item['data_samples']
    assert item['inputs'].shape == (4, 3, 8, 8) and item['inputs'].dtype == torch.uint8
    assert (sample.image_id, sample.text, sample.total_frames) == ('v0', ['sentence 0'], 12)
    assert sample.ori_shape == (32, 48) and sample.img_shape == (8, 8)
    assert frames_of(item) == [1, 4, 7, 10] and frames_of(dataset[1]) == [1, 3, 5, 7]


def test_a_short_video_repeats_frames_and_is_counted(build, monkeypatch):
    said = []
    monkeypatch.setattr('slan_mm.datasets.transforms.load_video.print_log', lambda message, *_: said.append(message))
    dataset = build()
    assert frames_of(dataset[2]) == [0, 0, 1, 1]
    dataset[2], dataset[3]
    assert dataset.pipeline.transforms[0].short_videos == 2
    (line,) = said
    assert 'v2.mp4 has 2 frames, fewer than 4' in line


def test_training_draws_frames_by_seed_epoch_and_index(build):
    dataset, again = (build('PairDataset', sampling='random') for _ in range(2))
    epochs = [[frames_of(dataset[index + epoch * 6]) for index in (0, 3, 4, 5)] for epoch in range(3)]
    assert len({str(frames) for epoch in epochs for frames in epoch}) > 8
    assert all(frames == sorted(set(frames)) for epoch in epochs for frames in epoch)
    assert frames_of(again[3 + 6]) == epochs[1][1]
    assert frames_of(build('PairDataset', sampling='random', seed=1)[3 + 6]) != epochs[1][1]
    assert dataset[0]['data_samples'].text == 'sentence 0'


def test_broken_videos_are_replaced_in_training_and_counted(build):
    dataset = build('PairDataset', broken=['v1'], max_unreadable_share=1)
    assert all(item['data_samples'].image_id != 'v1' for item in dataset)
    assert dataset.read_counter.unreadable >= 1


def test_broken_videos_are_an_error_in_evaluation_unless_dropped(build):
    with pytest.raises(UnreadableImageError, match=r'v1\.mp4.*another protocol'):
        build(broken=['v1'])[1]
    dataset = build(drop_unreadable=True)
    assert len(dataset) == 5 and dataset.read_counter.unreadable == 1
    assert 'v1.mp4' in dataset.read_counter.summary()


def test_workers_count_short_videos(build):
    dataset = build()
    loader = DataLoader(dataset, batch_size=3, num_workers=1, collate_fn=pseudo_collate)
    batches = list(loader)
    assert [len(batch['inputs']) for batch in batches] == [3, 3]
    assert dataset.pipeline.transforms[0].short_videos == 1


def test_bad_settings(build):
    with pytest.raises(ValueError, match='num_frames must be at least 1'):
        TRANSFORMS.build(dict(type='LoadVideo', num_frames=0))
    with pytest.raises(ValueError, match="sampling must be 'uniform' or 'random'"):
        TRANSFORMS.build(dict(type='LoadVideo', sampling='all'))
    with pytest.raises(FileNotFoundError, match='image folder'):
        build(data_prefix=dict(img='nowhere'))


def test_pictures_of_a_sequence_have_one_size():
    pictures = [np.zeros((4, 4, 3), np.uint8), np.zeros((4, 5, 3), np.uint8)]
    with pytest.raises(ValueError, match='ApplyToList'):
        TRANSFORMS.build(dict(type='PackPairs'))({'img': pictures, 'sample_id': 's'})
