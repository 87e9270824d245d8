"""Phrase boxes as COCO's instances."""

import json
import runpy
from pathlib import Path

import pytest
from PIL import Image

TOOL = Path(__file__).parents[2] / 'tools/dataset_converters/grounding_to_coco.py'


def test_heads_or_the_classes_they_name_are_the_categories(tmp_path):
    caption = 'Two small dogs run and a dog of a man sits'
    spans = [
        [[caption.index(phrase), caption.index(phrase) + len(phrase)]]
        for phrase in ('Two small dogs', 'a dog', 'a man')
    ]
    image = dict(id=1, file_name='a.jpg', height=50, width=80, caption=caption, tokens_positive_eval=spans)
    boxes = [([1, 2, 10, 20], spans[0]), ([1, 2, 10, 20], spans[1]), ([30, 5, 20, 40], spans[2])]
    annotations = [dict(image_id=1, bbox=box, tokens_positive=own) for box, own in boxes]
    (tmp_path / 'grounding.json').write_text(json.dumps(dict(images=[image], annotations=annotations)))
    main = runpy.run_path(str(TOOL))['main']
    main([str(tmp_path / 'grounding.json'), str(tmp_path / 'coco.json')])
    data = json.loads((tmp_path / 'coco.json').read_text())
    assert [one['name'] for one in data['categories']] == ['dog', 'man']
    assert [(one['category_id'], one['bbox']) for one in data['annotations']] == [
        (1, [1, 2, 10, 20]),
        (2, [30, 5, 20, 40]),
    ]
    assert data['images'] == [dict(id=1, file_name='a.jpg', height=50, width=80, neg_category_ids=[])]
    # The picture is half as wide as the file says.
    Image.new('RGB', (40, 50)).save(tmp_path / 'a.jpg')
    (tmp_path / 'classes.yaml').write_text('cat: []\nperson: [man, woman]\n')
    options = ['--classes', str(tmp_path / 'classes.yaml'), '--pictures', str(tmp_path)]
    main([str(tmp_path / 'grounding.json'), str(tmp_path / 'c.json'), *options])
    data = json.loads((tmp_path / 'c.json').read_text())
    assert data['categories'] == [dict(id=1, name='cat'), dict(id=2, name='person')]
    assert [(one['category_id'], one['bbox']) for one in data['annotations']] == [(2, [15, 5, 10, 40])]
    assert data['images'] == [dict(id=1, file_name='a.jpg', height=50, width=40, neg_category_ids=[])]
    # As it is looked at: the one that is stored on its side has the size that the file says.
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new('RGB', (50, 80)).save(tmp_path / 'a.jpg', exif=exif)
    main([str(tmp_path / 'grounding.json'), str(tmp_path / 'd.json'), *options])
    assert json.loads((tmp_path / 'd.json').read_text())['annotations'][0]['bbox'] == [30, 5, 20, 40]
    Image.new('RGB', (80, 50)).save(tmp_path / 'a.jpg', exif=exif)
    with pytest.raises(SystemExit, match='a.jpg: 80 x 50 pixels .* 50 x 80 in the file'):
        main([str(tmp_path / 'grounding.json'), str(tmp_path / 'e.json'), *options])
