"""From answers to files that others read: round trips."""

import json
from pathlib import Path

import numpy as np
import pytest
from mmdet.datasets import CocoDataset, ODVGDataset
from PIL import Image
from pycocotools.coco import COCO
from support.pseudo_labels import answered, record, write_answers

from slan_mm.datasets.readers.odvg import read_odvg
from slan_mm.pseudo_labels.categories import Categories
from slan_mm.pseudo_labels.choosing import Choice
from slan_mm.pseudo_labels.filters import Thresholds
from slan_mm.pseudo_labels.labelling import Labelling, Tally
from slan_mm.pseudo_labels.merge import Merged, merge
from slan_mm.pseudo_labels.report import describe, write_report

CAPTIONS = ('dog and cat', 'a “dog” <b>')
RECORDS = (
    record(
        'x/0.png', answered('dog', [10.0, 10, 40, 40]), answered('cat', [50.0, 20, 90, 70], (8, 11), flip=0.61),
        captions=CAPTIONS,
    ),
    dict(file_name='x/broken.png', error='Cannot read x/broken.png'),
    record(
        'x/1.png', answered('dog', [0.0, 0, 30.5, 40.25]), answered('dog', [1.0, 0, 30, 40], (3, 6), 1, flip=0.7),
        answered('cat', [50.0, 20, 90, 70], (8, 11), flip=0.1), captions=CAPTIONS,
    ),
    record('x/2.png', answered('cat', [50.0, 20, 90, 70], (8, 11), flip=0.2)),
)  # fmt: skip


@pytest.fixture(scope='module')
def written(tmp_path_factory):
    """The output folder of a run on RECORDS, and what was counted."""
    out = tmp_path_factory.mktemp('labels')
    root = out / 'pictures'
    (root / 'x').mkdir(parents=True)
    for number in range(3):
        Image.fromarray(np.full((80, 100, 3), 80 * number, np.uint8)).save(root / f'x/{number}.png')
    labelling = Labelling(
        write_answers(out / 'answers', *RECORDS), Categories({'cat': (), 'dog': ()}), Thresholds(), None, None
    )
    tally = labelling.write(out, root)
    write_report(labelling, out, root)
    labelling.write_review(out / 'review', root, 1)
    return out, tally


def test_what_is_counted(written):
    _, tally = written
    assert (tally.pictures, len(tally.unreadable), tally.named, tally.covered) == (3, 1, 6, 4)
    assert tally.labels.total() == 3 and tally.fails == dict(flip=2, duplicates=1)
    assert tally.left['read'] == tally.left['quantile'] == 6 and tally.left['flip'] == 4 and tally.left['cap'] == 3
    assert '3 labels cover 66.7 % of the named objects' in describe(tally)


def test_what_is_told_of_a_choice():
    chosen = Tally(choice=Choice(Thresholds(), 30, 0.75, 0.7))
    assert describe(chosen).endswith('thresholds were chosen by 30 labels, of which 75.0 % are right')
    assert chosen.to_dict()['precision_there'] == 0.75
    missed = Tally(choice=Choice(Thresholds(), 20, 0.5, 0.7))
    assert '50.0 % are right: none reach 70.0 %, so these are the most precise ones' in describe(missed)


def test_coco_is_read_by_pycocotools_and_mmdet(written):
    out, _ = written
    coco = COCO(str(out / 'labels.json'))
    assert [coco.imgs[n]['file_name'] for n in (1, 2, 3)] == ['x/0.png', 'x/1.png', 'x/2.png']
    (only,) = coco.imgToAnns[2]
    assert only['bbox'] == [0.0, 0.0, 30.5, 40.25] and only['area'] == pytest.approx(30.5 * 40.25, abs=0.01)
    assert only['extra']['caption'][slice(*only['extra']['span'])] == 'dog' and 0.6 < only['score'] <= 1
    data = CocoDataset(
        ann_file=str(out / 'labels.json'),
        data_prefix=dict(img=str(out / 'data')),
        metainfo=dict(classes=('cat', 'dog')),
    )
    assert [[i['bbox_label'] for i in data.get_data_info(n)['instances']] for n in (0, 1)] == [[1, 0], [1]]
    assert Path(data.get_data_info(0)['img_path']).is_file()  # FiftyOne's layout: data/ and labels.json


def test_odvg_is_read_by_mmdet_and_by_us(written):
    out, _ = written
    data = ODVGDataset(ann_file=str(out / 'odvg.jsonl'), data_prefix=dict(img=str(out / 'data')), return_classes=True)
    infos = [data.get_data_info(number) for number in range(3)]
    assert [info['text'] for info in infos] == ['dog and cat', 'dog and cat', 'a “dog” <b>']
    assert [[one['phrase'] for one in info['phrases'].values()] for info in infos] == [['dog', 'cat'], ['dog'], ['dog']]
    # A caption that names the thing again has the box of the label.
    assert infos[1]['instances'][0]['bbox'] == infos[2]['instances'][0]['bbox'] == [0.0, 0.0, 30.5, 40.25]
    (first, *_) = read_odvg(out / 'odvg.jsonl', str(out / 'data'))
    assert first.text[slice(*first.phrases[1].spans[0])] == 'cat'


def test_label_studio_tasks_have_the_fields_of_its_import_format(written):
    out, _ = written
    tasks = json.loads((out / 'label_studio.json').read_text())
    assert [task['data']['image'] for task in tasks][:2] == [f'/data/local-files/?d=data/x/{n}.png' for n in (0, 1)]
    for task in tasks:
        ((prediction),) = task['predictions']
        assert isinstance(prediction['model_version'], str) and 0 <= prediction['score'] <= 1
        for result in prediction['result']:
            assert {'id', 'type', 'from_name', 'to_name', 'value', 'original_width', 'original_height'} <= set(result)
            value = result['value']
            assert value['x'] + value['width'] <= 100 and value['y'] + value['height'] <= 100
            assert f'<Label value="{value["rectanglelabels"][0]}"/>' in (out / 'label_studio.xml').read_text()
    assert [len(task['predictions'][0]['result']) for task in tasks] == [2, 1, 0]


def test_label_studio_takes_tasks_and_interface(written):
    # Label Studio's own checks: pip install label-studio-sdk
    interface = pytest.importorskip('label_studio_sdk.label_interface')
    out, _ = written
    label_studio = interface.LabelInterface((out / 'label_studio.xml').read_text())
    label_studio.validate()
    for task in json.loads((out / 'label_studio.json').read_text()):
        assert label_studio.validate_task(dict(data=task['data']))
        for prediction in task['predictions']:
            assert label_studio.validate_prediction(prediction, return_errors=True) == []


def test_the_report_is_one_file(written):
    out, _ = written
    page = (out / 'report.html').read_text()
    assert '<h3>dog</h3>' in page and page.count('data:image/jpeg;base64,') == 3 * 3
    assert 'http' not in page and '<b>' not in page
    assert json.loads((out / 'report.json').read_text())['coverage'] == pytest.approx(4 / 6)


def test_review_has_the_least_sure_pictures(written):
    out, _ = written
    (picture,) = COCO(str(out / 'review/labels.json')).imgs.values()
    assert picture['file_name'] == 'x/0.png'  # of its cat the views agree least
    (task,) = json.loads((out / 'review/label_studio.json').read_text())
    assert task['data']['file_name'] == 'x/0.png'


def rectangle(label, x, y, width, height):
    return dict(type='rectanglelabels', value=dict(x=x, y=y, width=width, height=height, rectanglelabels=[label]))


def test_corrections_of_label_studio_replace_labels(written):
    out, _ = written
    tasks = json.loads((out / 'label_studio.json').read_text())
    tasks[0]['annotations'] = [dict(result=[rectangle('cat', 10, 50, 20, 25)])]
    tasks[2]['annotations'] = [dict(result=[])]
    (out / 'export.json').write_text(json.dumps(tasks))
    assert merge(out, out / 'export.json') == Merged(2, 0)
    merged = COCO(str(out / 'merged.json'))
    (new,) = merged.imgToAnns[1]
    assert new['bbox'] == [10, 40, 20, 20] and new['score'] == 1 and merged.cats[new['category_id']]['name'] == 'cat'
    assert [one['score'] < 1 for one in merged.imgToAnns[2]] == [True]


def test_a_corrected_coco_file_replaces_labels(written):
    out, _ = written
    review = json.loads((out / 'review/labels.json').read_text())
    review['annotations'] = review['annotations'][:1]
    (out / 'corrected.json').write_text(json.dumps(review))
    assert merge(out, out / 'corrected.json') == Merged(1, 0)
    merged = COCO(str(out / 'merged.json'))
    assert [one['score'] for one in merged.imgToAnns[1]] == [1.0]
    review['images'][0]['file_name'] = 'other.png'
    (out / 'corrected.json').write_text(json.dumps(review))
    with pytest.raises(ValueError, match="the picture 'other.png' is not in .*labels.json"):
        merge(out, out / 'corrected.json')
    review['images'][0].update(file_name='x/0.png', width=200)
    (out / 'corrected.json').write_text(json.dumps(review))
    with pytest.raises(ValueError, match="'x/0.png' has 200 x 80 pixels, and 100 x 80 in .*labels.json"):
        merge(out, out / 'corrected.json')
