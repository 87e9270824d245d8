from types import SimpleNamespace

from slan_mm.evaluation.dataset_title import dataset_title


def test_name_file_and_split_as_far_as_known():
    assert dataset_title(SimpleNamespace(metainfo={'dataset_name': 'Shapes', 'split': 'val'})) == 'Shapes val'
    assert dataset_title(SimpleNamespace(metainfo={}, ann_file='a/b.json', split='test')) == (
        'SimpleNamespace a/b.json test'
    )
    assert dataset_title([]) == 'list'
