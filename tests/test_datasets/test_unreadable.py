import re

import pytest
from mmengine.dataset import pseudo_collate
from torch.utils.data import DataLoader

from slan_mm.datasets.unreadable import ReadCounter, TooManyUnreadableError, UnreadableImageError
from slan_mm.registry import DATASETS

PIPELINE = [{'type': 'LoadImage'}, {'type': 'ResizeImage', 'size': 4}, {'type': 'PackPairs'}]


@pytest.fixture
def build(images, write, noisy_image, truncate):
    """A data set of 40 pairs on images a.jpg, ...; the files named in ``broken`` are cut in the middle."""

    def _build(broken='', type='PairDataset', **options):
        for name in broken:
            noisy_image.save(images / f'{name}.jpg')
            truncate(images / f'{name}.jpg')
        rows = [f'{"abcdef"[i % 6]}.jpg,caption {i}' for i in range(40)]
        write('t.csv', '\n'.join(['image,caption', *rows]))
        return DATASETS.build(
            {'type': type, 'ann_file': 't.csv', 'format': 'table', 'data_root': str(images.parent),
             'data_prefix': {'img': 'images'}, 'pipeline': PIPELINE, **options}
        )  # fmt: skip

    return _build


def test_a_truncated_image_is_skipped_counted_and_logged(build, monkeypatch):
    said = []
    monkeypatch.setattr('slan_mm.datasets.unreadable.print_log', lambda message, *_: said.append(message))
    dataset = build('c', max_unreadable_share=0.5)
    first = [item['data_samples'].sample_id for item in dataset]
    assert len(first) == 40
    assert not any(sample_id.startswith('c.jpg') for sample_id in first)
    assert dataset.read_counter.unreadable >= 7  # the pairs of c.jpg, and perhaps draws that met it again
    assert dataset.read_counter.tried == 40 + dataset.read_counter.unreadable
    (message,) = said  # once a path
    assert 'c.jpg' in message and 'OSError' in message
    again = build('c', max_unreadable_share=0.5)
    assert [item['data_samples'].sample_id for item in again] == first
    later = [again[i + 40]['data_samples'].sample_id for i in range(40)]
    assert later != first  # another epoch draws other substitutes ...
    own = [i for i, sample_id in enumerate(first) if sample_id == again.get_data_info(i)['sample_id']]
    assert [later[i] for i in own] == [first[i] for i in own]  # ... for the same items


def test_a_missing_image_is_unreadable_too(build, images):
    dataset = build()
    (images / 'a.jpg').unlink()
    assert dataset[0]['data_samples'].image_id != 'a.jpg'
    assert dataset.read_counter.unreadable >= 1


def test_too_large_a_share_stops_with_a_summary(build):
    dataset = build('cd', max_unreadable_share=0.2, min_images_judged=20)
    with pytest.raises(TooManyUnreadableError) as error:
        list(dataset)
    summary = str(error.value)
    assert dataset.read_counter.tried >= 20
    assert re.search(r'\d+ of \d+ images tried could not be read \(\d+\.\d %; allowed are 20.0 %\)', summary)
    assert 'c.jpg' in summary and 'd.jpg' in summary and 't.csv' in summary


def test_the_share_is_not_judged_before_enough_images(build):
    dataset = build('a', max_unreadable_share=0.2, min_images_judged=1000)
    assert len([dataset[i] for i in range(3)]) == 3  # the first image of all is unreadable


def test_a_share_of_one_never_stops(build):
    assert len(list(build('abcde', max_unreadable_share=1, min_images_judged=1))) == 40


def test_nothing_readable_ends(build):
    with pytest.raises(UnreadableImageError, match='6 samples in a row'):
        build('abcdef', max_unreadable_share=1, max_refetch=5)[0]


def test_workers_count_together(build):
    dataset = build('c', max_unreadable_share=0.5)
    loader = DataLoader(dataset, batch_size=4, num_workers=2, collate_fn=pseudo_collate)
    got = [sample.sample_id for batch in loader for sample in batch['data_samples']]
    counted = dataset.read_counter.tried, dataset.read_counter.unreadable
    alone = build('c', max_unreadable_share=0.5)
    assert got == [item['data_samples'].sample_id for item in alone]
    assert counted == (alone.read_counter.tried, alone.read_counter.unreadable)


def test_the_error_of_a_worker_reaches_the_main_process(build):
    dataset = build('cd', max_unreadable_share=0.1, min_images_judged=8)
    loader = DataLoader(dataset, num_workers=1, collate_fn=pseudo_collate)
    with pytest.raises(TooManyUnreadableError, match='could not be read'):
        list(loader)


def test_evaluation_does_not_replace_images(build):
    dataset = build('c', type='RetrievalDataset')
    assert dataset[0]['data_samples'].image_id == 'a.jpg'
    with pytest.raises(UnreadableImageError, match=r'c\.jpg.*drop_unreadable=True'):
        dataset[2]


def test_evaluation_may_drop_them_when_built(build):
    dataset = build('c', type='RetrievalDataset', drop_unreadable=True, max_unreadable_share=0.5)
    assert [item['data_samples'].image_id for item in dataset] == ['a.jpg', 'b.jpg', 'd.jpg', 'e.jpg', 'f.jpg']
    assert dataset.read_counter.unreadable == 1
    with pytest.raises(ValueError, match='No image'):
        build('abcdef', type='RetrievalDataset', drop_unreadable=True)


def test_counter_arguments():
    with pytest.raises(ValueError, match='max_unreadable_share'):
        ReadCounter('x', max_share=-0.1)
