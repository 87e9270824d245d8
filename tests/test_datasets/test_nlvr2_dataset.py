import json
import os
from pathlib import Path

import pytest
from PIL import Image

from slan_mm.datasets.readers.nlvr2 import read_nlvr2
from slan_mm.datasets.unreadable import UnreadableImageError
from slan_mm.registry import DATASETS

PIPELINE = [
    dict(
        type='mmpretrain.ApplyToList',
        scatter_key='img_path',
        transforms=[dict(type='slan_mm.LoadImage'), dict(type='slan_mm.ResizeImage', size=4)],
        collate_keys=['img', 'ori_shape', 'img_shape'],
    ),
    dict(type='PackPairs'),
]
REAL = Path(os.environ.get('SLAN_DATA', Path(__file__).parents[2] / 'data')) / 'nlvr2/dev.json'


@pytest.fixture
def build(tmp_path, write):
    """A data set on examples dev-0-0-0, dev-1-0-0, ...; the photographs in ``without`` are not there."""

    def _build(count=4, without=(), **options):
        (tmp_path / 'dev').mkdir(exist_ok=True)
        for number in range(count):
            for side in range(2):
                path = tmp_path / 'dev' / f'dev-{number}-0-img{side}.png'
                if (number, side) not in without:
                    Image.new('RGB', (8 + side, 6), (50 * number, 100 * side, 0)).save(path, 'JPEG')
        rows = [dict(identifier=f'dev-{n}-0-0', sentence=f'sentence {n}', label=str(n % 2 == 1)) for n in range(count)]
        write('dev.json', '\n'.join(map(json.dumps, rows)))
        return DATASETS.build(
            dict(type='NLVR2Dataset', ann_file='dev.json', data_root=str(tmp_path), pipeline=PIPELINE) | options
        )

    return _build


def test_items(build):
    dataset = build()
    assert len(dataset) == 4 and dataset.metainfo['left_out'] == 0
    item = dataset[3]
    sample = item['data_samples']
    assert item['inputs'].shape == (2, 3, 4, 4)
    assert item['inputs'][0, 1].float().mean() < 20 < 80 < item['inputs'][1, 1].float().mean()  # left before right
    assert (sample.sample_id, sample.image_id, sample.text) == ('dev-3-0-0', 'dev-3-0', 'sentence 3')
    assert sample.gt_label.tolist() == [1] and dataset[0]['data_samples'].gt_label.tolist() == [0]
    assert sample.ori_shape == [(6, 8), (6, 9)] and sample.img_shape == (4, 4)


def test_missing_photographs_are_counted_in_one_line(build, monkeypatch):
    said = []
    monkeypatch.setattr('slan_mm.datasets.nlvr2_dataset.print_log', lambda message, *_: said.append(message))
    dataset = build(without=[(1, 0), (1, 1), (2, 1)])
    assert [dataset.get_data_info(index)['sample_id'] for index in range(len(dataset))] == ['dev-0-0-0', 'dev-3-0-0']
    assert dataset.metainfo['left_out'] == 2
    (line,) = said
    assert (
        '3 photographs are missing, the first is' in line and 'dev-1-0-img0.png; 2 of 4 examples are left out' in line
    )


def test_all_missing_or_no_folder_is_an_error(build):
    with pytest.raises(FileNotFoundError, match='not one of 4 examples has its photographs'):
        build(without=[(number, side) for number in range(4) for side in range(2)])
    with pytest.raises(FileNotFoundError, match='image folder'):
        build(data_prefix=dict(img='nowhere'))


def test_a_truncated_photograph(build, tmp_path, noisy_image, truncate):
    build()
    broken = tmp_path / 'dev/dev-2-0-img1.png'
    noisy_image.save(broken, 'JPEG')
    truncate(broken)
    options = dict(pipeline=PIPELINE, ann_file='dev.json', data_root=str(tmp_path), type='NLVR2Dataset')
    training = DATASETS.build(options)
    assert training[2]['data_samples'].sample_id != 'dev-2-0-0' and training.read_counter.unreadable >= 1
    with pytest.raises(UnreadableImageError, match=r'img0.png, .*img1.png'):
        DATASETS.build(options | dict(test_mode=True))[2]
    assert len(DATASETS.build(options | dict(test_mode=True, drop_unreadable=True, max_unreadable_share=1))) == 3


@pytest.mark.skipif(not REAL.is_file(), reason='no NLVR2: put dev.json into data/nlvr2 (docs/tasks/nlvr2.md)')
def test_the_official_dev_set():
    records = list(read_nlvr2(REAL, ''))
    assert len(records) == 6982 and sum(record.label for record in records) == 3551
    assert records[0].left == 'dev/dev-850-0-img0.png' and records[0].label == 0
    assert records[0].sentence.startswith('The right image shows a curving walkway')
