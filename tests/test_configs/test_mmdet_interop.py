"""What mmdet's users do with a detector, by the shipped configs as they are: infer, browse, analyse."""

import importlib.util
import sys
from pathlib import Path

import mmdet
import numpy as np
import pytest
import torch
from mmdet.apis import DetInferencer, inference_detector, init_detector
from mmengine.config import Config
from mmengine.fileio import load
from PIL import Image
from safetensors.torch import load_file
from support.shrink import shrink

from slan_mm.apis import DetectionInferencer
from slan_mm.engine.launch import build_runner
from slan_mm.registry import DATASETS

ROOT = Path(__file__).parents[2]
CONFIGS = sorted((ROOT / 'configs/detection').glob('*.py'))
SHAPES_CONFIG = str(ROOT / 'configs/detection/slan_tiny_shapes_detection.py')
WEIGHTS = str(ROOT / 'checkpoints/slan_tiny_shapes_long.safetensors')
TEXTS = 'red circle . blue square .'


@pytest.fixture
def pictures(tmp_path):
    """Two images of generated shapes data."""
    dataset = DATASETS.build(Config.fromfile(SHAPES_CONFIG).val_dataloader.dataset)
    paths = [tmp_path / f'{index}.png' for index in range(2)]
    for index, path in enumerate(paths):
        Image.fromarray(dataset[index]['inputs'].flip(0).permute(1, 2, 0).numpy()).save(path)
    return [str(path) for path in paths]


def test_mmdets_inferencers_find_what_ours_finds(pictures, tmp_path):
    ours = DetectionInferencer(SHAPES_CONFIG, WEIGHTS, device='cpu', show_progress=False)
    expected = ours(pictures, TEXTS, top=25)['predictions']
    theirs = DetInferencer(SHAPES_CONFIG, WEIGHTS, device='cpu', scope='slan_mm', show_progress=False)
    found = theirs(pictures, texts=TEXTS, batch_size=2, out_dir=str(tmp_path / 'out'), no_save_pred=False)
    # mmdet reads the config's backbone unless it is given options.
    detector = init_detector(SHAPES_CONFIG, WEIGHTS, device='cpu', cfg_options={})
    samples = inference_detector(detector, pictures, text_prompt=TEXTS)
    assert len(found['predictions']) == len(samples) == 2
    for one, other, sample in zip(expected, found['predictions'], samples, strict=True):
        boxes = np.array([box['box'] for box in one['boxes']])
        assert 10 < len(boxes) <= 25
        np.testing.assert_allclose(other['bboxes'], boxes, atol=1e-3)
        np.testing.assert_allclose(sample.pred_instances.bboxes.numpy(), boxes, atol=1e-3)
        assert [one['classes'][label] for label in other['labels']] == [box['label'] for box in one['boxes']]
    assert (tmp_path / 'out/vis/1.png').is_file() and (tmp_path / 'out/preds/1.json').is_file()


def test_without_texts_the_checkpoints_classes_are_found(pictures, tmp_path):
    meta = dict(dataset_meta=dict(classes=('pink cross', 'blue star')))
    torch.save(dict(state_dict=load_file(WEIGHTS), meta=meta), tmp_path / 'trained.pth')
    weights = str(tmp_path / 'trained.pth')
    inferencer = DetInferencer(SHAPES_CONFIG, weights, device='cpu', scope='slan_mm', show_progress=False)
    (found,) = inferencer(pictures[:1], return_datasamples=True)['predictions']
    assert set(found.pred_instances.label_names) == {'pink cross', 'blue star'}


@pytest.mark.parametrize('path', CONFIGS, ids=lambda path: path.stem)
def test_mmdets_inferencer_takes_every_config(path, tmp_path):
    """Loaders, pipelines and visualiser are the config's own; the model is a small one."""
    cfg = Config.fromfile(path)
    cfg.model = shrink(cfg).model
    with pytest.warns(UserWarning, match='randomly initialized'):
        inferencer = DetInferencer(cfg, device='cpu', scope='slan_mm', show_progress=False)
    (found,) = inferencer(np.zeros((60, 90, 3), np.uint8), texts=TEXTS)['predictions']
    boxes = torch.tensor(found['bboxes'])
    assert len(boxes) and (boxes >= 0).all() and (boxes <= torch.tensor([90.0, 60.0, 90.0, 60.0])).all()


def run_tool(name, monkeypatch, *arguments):
    """mmdet's tool, which its package holds as a file."""
    path = Path(mmdet.__file__).parent / f'.mim/tools/analysis_tools/{name}.py'
    if not path.is_file():
        pytest.skip('this installation of mmdet comes without its tools')
    spec = importlib.util.spec_from_file_location(f'mmdet_{name}', path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(sys, 'argv', [name, SHAPES_CONFIG, *map(str, arguments)])
    module.main()


def test_mmdets_tools_read_config_and_results(tmp_path, monkeypatch, capsys):
    cfg = Config.fromfile(SHAPES_CONFIG)
    results = tmp_path / 'results.pkl'
    cfg.merge_from_dict(
        {
            'load_from': WEIGHTS,
            'work_dir': str(tmp_path),
            'test_dataloader.dataset.num_images': 12,
            # As docs/tasks/detection.md has it on the command line.
            'test_evaluator._delete_': True,
            'test_evaluator.type': 'mmdet.DumpDetResults',
            'test_evaluator.out_file_path': str(results),
        }
    )
    build_runner(cfg).test()
    assert len(load(results)) == 12
    few = ('--cfg-options', 'test_dataloader.dataset.num_images=12')
    run_tool('confusion_matrix', monkeypatch, results, tmp_path / 'matrix', *few)
    assert (tmp_path / 'matrix/confusion_matrix.png').is_file()
    run_tool('analyze_results', monkeypatch, results, tmp_path / 'best', '--topk', 2, *few)
    assert len(list((tmp_path / 'best/good').iterdir())) == 2
    run_tool('eval_metric', monkeypatch, results, *few)
    assert 'coco/bbox_mAP' in capsys.readouterr().out
    few = ('--cfg-options', 'train_dataloader.dataset.num_images=3')
    run_tool('browse_dataset', monkeypatch, '--not-show', '--output-dir', tmp_path / 'browsed', *few)
    assert len(list((tmp_path / 'browsed').iterdir())) == 3
