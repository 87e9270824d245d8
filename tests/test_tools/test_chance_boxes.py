"""AP50 of labels of other pictures."""

import json
import runpy
from pathlib import Path

import pytest

TOOL = Path(__file__).parents[2] / 'tools/analysis/chance_boxes.py'


def coco(file, size, boxes, names):
    """Pictures of ``size`` (width, height) with the same ``boxes`` (category, box) each."""
    images = [dict(id=n, file_name=f'{n}.jpg', width=size[0], height=size[1]) for n in range(3)]
    annotations = [dict(image_id=n, category_id=category, bbox=box) for n in range(3) for category, box in boxes]
    annotations = [dict(one, id=number, iscrowd=0) for number, one in enumerate(annotations, start=1)]
    categories = [dict(id=number, name=name) for number, name in names.items()]
    file.write_text(json.dumps(dict(images=images, annotations=annotations, categories=categories)))
    return str(file)


def test_labels_at_the_same_share_of_a_picture_are_right(tmp_path, capsys):
    labels = [(1, [10, 10, 50, 20]), (2, [0, 0, 10, 10]), (3, [0, 0, 9, 9])]
    true = [(7, [20, 5, 100, 10]), (8, [150, 30, 20, 10])]
    labels = coco(tmp_path / 'labels.json', (100, 80), labels, {1: 'dog', 2: 'cat', 3: 'tree'})
    true = coco(tmp_path / 'true.json', (200, 40), true, {7: 'dog', 8: 'cat', 9: 'bus'})
    main = runpy.run_path(str(TOOL))['main']
    main([labels, true, '--draws', '1', '--seeds', '2'])
    assert capsys.readouterr().out.splitlines()[-3:] == [
        'dog: AP50 100.0', 'cat: AP50 0.0', 'mean of 2 classes: AP50 50.0'
    ]  # fmt: skip
    other = coco(tmp_path / 'other.json', (9, 9), [(1, [0, 0, 3, 3])], {1: 'bus'})
    with pytest.raises(SystemExit, match='no class in common'):
        main([other, true])
