"""What mmdet's users do with a detector's samples: evaluate by COCO's AP, draw, analyse."""

import importlib.util
import json
from pathlib import Path

import cv2
import mmdet
import numpy as np
import pytest
import torch
from mmdet.evaluation import CocoMetric, DumpDetResults
from mmdet.visualization import DetLocalVisualizer
from mmengine.fileio import load
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval
from support.detection import build_toy_detector, detector_config, stir

import slan_mm.evaluation  # noqa: F401
from slan_mm.datasets.shapes.scene import SHAPES
from slan_mm.evaluation import CocoBoxMetric
from slan_mm.registry import DATASETS, MODELS

PIPELINE = [
    dict(type='mmdet.LoadImageFromFile'),
    dict(type='mmdet.Resize', scale=(32, 32), keep_ratio=False),
    dict(type='mmdet.LoadAnnotations', with_bbox=True),
    dict(
        type='mmdet.PackDetInputs',
        meta_keys=('img_id', 'img_path', 'ori_shape', 'img_shape', 'scale_factor', 'text', 'instances'),
    ),
]


def shapes(num_images=12):
    return DATASETS.build(
        dict(
            type='ShapesDetection',
            split='val',
            num_images=num_images,
            return_classes=True,
            test_mode=True,
            pipeline=PIPELINE,
        )
    )


@pytest.fixture(scope='module')
def answers():
    """A detector's answers to twelve pictures, some boxes put near annotated ones: AP shall not be 0."""
    dataset = shapes()
    model = stir(build_toy_detector()).eval()
    items = [dataset[index] for index in range(len(dataset))]
    data = dict(inputs=[item['inputs'] for item in items], data_samples=[item['data_samples'] for item in items])
    with torch.no_grad():
        samples = model.test_step(data)
    rng = np.random.default_rng(0)
    for sample in samples:
        found = sample.pred_instances
        for number, instance in enumerate(sample.instances):
            found.bboxes[3 * number] = torch.tensor(instance['bbox']) + torch.tensor(rng.normal(0, 2.0, 4)).float()
            found.labels[3 * number] = instance['bbox_label']
    return dataset, samples


def coco_file(dataset, path, **fields):
    """The data set's annotation as COCO writes it."""
    images, annotations = [], []
    for index in range(len(dataset)):
        info = dataset.get_data_info(index)
        images.append(dict(id=index, file_name=f'{index}.png', height=64, width=64))
        for instance in info['instances']:
            x1, y1, x2, y2 = instance['bbox']
            annotations.append(
                dict(
                    id=len(annotations) + 1,
                    image_id=index,
                    category_id=instance['bbox_label'] + 1,
                    bbox=[x1, y1, x2 - x1, y2 - y1],
                    area=(x2 - x1) * (y2 - y1),
                    iscrowd=0,
                )
            )
    categories = [dict(id=number + 1, name=name) for number, name in enumerate(SHAPES)]
    path.write_text(json.dumps(dict(images=images, annotations=annotations, categories=categories, **fields)))
    return str(path)


def evaluate(metric, dataset, samples):
    metric.dataset_meta = dataset.metainfo
    metric.process({}, [sample.to_dict() for sample in samples])
    return metric.evaluate(len(samples))


def test_coco_ap_is_pycocotools_on_the_same_file(answers, tmp_path):
    dataset, samples = answers
    gold = coco_file(dataset, tmp_path / 'gold.json', info={})
    measured = evaluate(CocoMetric(gold, outfile_prefix=str(tmp_path / 'found')), dataset, samples)

    # The boxes themselves, by way of pycocotools alone.
    boxes = [
        dict(
            image_id=sample.img_id,
            category_id=int(label) + 1,
            bbox=[float(x1), float(y1), float(x2 - x1), float(y2 - y1)],
            score=float(score),
        )
        for sample in samples
        for (x1, y1, x2, y2), score, label in zip(
            sample.pred_instances.bboxes, sample.pred_instances.scores, sample.pred_instances.labels, strict=True
        )
    ]
    coco = COCO(gold)
    official = COCOeval(coco, coco.loadRes(boxes), 'bbox')
    official.evaluate()
    official.accumulate()
    official.summarize()
    names = ('bbox_mAP', 'bbox_mAP_50', 'bbox_mAP_75', 'bbox_mAP_s', 'bbox_mAP_m', 'bbox_mAP_l')
    for name, value in zip(names, official.stats, strict=False):
        assert measured[f'coco/{name}'] == pytest.approx(value, abs=5.1e-4), name
    assert 0.02 < official.stats[1] < 1
    # Without a file, the annotation comes from the samples, and is the same.
    assert evaluate(CocoMetric(), dataset, samples) == measured


def test_files_without_info_are_evaluated_too(answers, tmp_path):
    dataset, samples = answers
    whole = evaluate(CocoMetric(coco_file(dataset, tmp_path / 'a.json', info={})), dataset, samples)
    assert evaluate(CocoBoxMetric(coco_file(dataset, tmp_path / 'b.json')), dataset, samples) == whole


def confusion_matrix():
    """mmdet's tool, which its package holds as a file."""
    path = Path(mmdet.__file__).parent / '.mim/tools/analysis_tools/confusion_matrix.py'
    if not path.is_file():
        pytest.skip('this installation of mmdet comes without its tools')
    spec = importlib.util.spec_from_file_location('mmdet_confusion_matrix', path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_mmdets_analysis_reads_the_results(answers, tmp_path):
    dataset, samples = answers
    evaluate(DumpDetResults(str(tmp_path / 'results.pkl')), dataset, samples)
    results = load(tmp_path / 'results.pkl')
    assert len(results) == len(dataset)
    first = results[0]['pred_instances']
    assert first['bboxes'].shape == (20, 4) and first['labels'].shape == first['scores'].shape == (20,)
    matrix = confusion_matrix().calculate_confusion_matrix(dataset, results, score_thr=0.0, tp_iou_thr=0.5)
    instances = sum(len(dataset.get_data_info(index)['instances']) for index in range(len(dataset)))
    assert matrix.shape == (len(SHAPES) + 1,) * 2 and np.trace(matrix) > 0
    assert matrix[:-1].sum() >= instances


def test_mmdets_visualizer_names_what_it_draws(answers, tmp_path):
    _, samples = answers
    visualizer = DetLocalVisualizer()
    visualizer.dataset_meta = dict(classes=SHAPES)
    canvas = np.zeros((64, 64, 3), np.uint8)
    visualizer.add_datasample('x', canvas, samples[0], pred_score_thr=0.0, out_file=str(tmp_path / 'x.png'))
    assert cv2.imread(str(tmp_path / 'x.png')).any()


def test_config_of_the_model_builds_by_its_scope():
    assert type(MODELS.build(dict(detector_config(), type='slan_mm.SLANDetector'))).__name__ == 'SLANDetector'
