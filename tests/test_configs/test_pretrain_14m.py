"""The four full-size configs: the paper's sizes, batches and schedule; one of them run on files, with a toy model."""

import json
import re
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from PIL import Image
from support.shrink import shrink

from slan_mm.registry import RUNNERS

ROOT = Path(__file__).parents[2]
PRETRAIN = ROOT / 'configs/pretrain'
#: Table 4's millions of parameters, and the batch sizes of section 4.1.
PAPER = {'r50': (322, 1280), 'vit-b': (383, 960), 'vit-l': (601, 640), 'vit-h': (929, 640)}


@pytest.fixture
def count_config(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / 'tools/analysis'))
    from count_params import count_config

    return count_config


@pytest.mark.parametrize('encoder', PAPER)
def test_size_is_the_papers(encoder, count_config):
    counts = count_config(str(PRETRAIN / f'slan_{encoder}_14m.py'))
    assert counts['total'] / 1e6 == pytest.approx(PAPER[encoder][0], rel=0.01)
    # BERT-base without its pooler, as published: 109.5 M with it.
    assert counts['text encoder (BERT)'] == 108_891_648
    parts = {part: count for part, count in counts.items() if part not in ('total', 'momentum copies (not counted)')}
    assert sum(parts.values()) == counts['total'] and min(parts.values()) > 0


def test_the_earlier_share_can_be_built(count_config):
    """What the full-size configs were before their parameters went where they cost least."""
    options = {
        'model.image.decoder.separable': False,
        'model.image.decoder.num_convs': 2,
        'model.image.detector.num_encoder_layers': 6,
        'model.image.detector.num_decoder_layers': 6,
        'model.image.detector.feedforward_channels': 3072,
    }
    options |= {f'model.locator.adaptors.{level}.attention.feedforward_channels': 4096 for level in range(3)}
    counts = count_config(str(PRETRAIN / 'slan_r50_14m.py'), options)
    assert counts['total'] == pytest.approx(321.69e6, abs=5e3)


def test_a_published_detr_fits_its_config():
    """mmdet's detr_r50_8xb2-150e_coco, whatever the sizes of the config that it inherits."""
    detector = Config.fromfile(PRETRAIN / 'slan_r50_14m_detr.py').model.image.detector
    sizes = ('width', 'num_encoder_layers', 'num_decoder_layers', 'num_heads', 'feedforward_channels', 'downsample')
    assert [detector[name] for name in sizes] == [256, 6, 6, 8, 2048, 1]


@pytest.mark.parametrize('encoder', PAPER)
def test_recipe_is_the_papers(encoder):
    cfg = Config.fromfile(PRETRAIN / f'slan_{encoder}_14m.py')
    stated = re.search(r'# (\d+) GPUs x (\d+)(?: x (\d+))?\n', (PRETRAIN / f'slan_{encoder}_14m.py').read_text())
    gpus, per_gpu, micro_batches = (int(number or 1) for number in stated.groups())
    assert per_gpu == cfg.train_dataloader.batch_size
    assert micro_batches == cfg.optim_wrapper.get('accumulative_counts', 1)
    assert gpus * per_gpu == cfg.auto_scale_lr.base_batch_size
    assert gpus * per_gpu * micro_batches == PAPER[encoder][1]
    # An average moves with every micro-batch; over an update it is ALBEF's.
    assert cfg.model.objective.momentum**micro_batches == pytest.approx(0.995, abs=1e-5)
    assert cfg.train_cfg.max_epochs == 20
    assert cfg.optim_wrapper.optimizer == dict(type='AdamW', lr=3e-4, weight_decay=0.02, fused=True)
    assert len(cfg.train_dataloader.dataset.datasets) == 5
    assert cfg.image_size == 224
    assert len(cfg.model.locator.adaptors) == 3
    assert sum(n * n for n in cfg.model.image.detector.grid) == 100


def picture(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new('RGB', (40, 30), (200, 30, 90)).save(path)


@pytest.fixture
def data(tmp_path, monkeypatch):
    """The five training sets and Flickr30k where the config looks for them, with a few samples each."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv('SLAN_DATA', raising=False)
    files = dict(coco='coco_karpathy_train', visual_genome='vg_caption', sbu='sbu', cc3m='cc3m', cc12m='cc12m')
    for name, ann_file in files.items():
        entries = [dict(image=f'{i}.jpg', caption=f'a picture number {i} of {name}') for i in range(2)]
        for entry in entries:
            picture(tmp_path / 'data' / name / 'images' / entry['image'])
        (tmp_path / 'data' / name / f'{ann_file}.json').write_text(json.dumps(entries))
    flickr = tmp_path / 'data/flickr30k'
    images, phrases, boxes = [], [], []
    for i in range(2):
        picture(flickr / 'images' / f'{i}.jpg')
        sentences = [dict(raw=f'a red picture {i}'), dict(raw=f'picture {i} again')]
        images.append(dict(filename=f'{i}.jpg', imgid=i, split='val', sentences=sentences))
        phrases.append(
            dict(
                id=i,
                file_name=f'{i}.jpg',
                height=30,
                width=40,
                caption='a red picture',
                tokens_positive_eval=[[[0, 13]]],
            )
        )
        boxes.append(dict(image_id=i, bbox=[2, 3, 20, 10], tokens_positive=[[0, 13]]))
    (flickr / 'dataset_flickr30k.json').write_text(json.dumps(dict(images=images)))
    mdetr = dict(images=phrases, annotations=boxes)
    (flickr / 'final_flickr_separateGT_val.json').write_text(json.dumps(mdetr))
    return tmp_path


def test_runs_on_files(data):
    cfg = Config.fromfile(PRETRAIN / 'slan_r50_14m.py')
    cfg.model = shrink(cfg).model
    cfg.work_dir = str(data / 'work')
    cfg.train_cfg.max_epochs = 1
    cfg.visualizer.vis_backends = []
    for loader in (cfg.train_dataloader, *cfg.val_dataloader.values()):
        loader.update(batch_size=5, num_workers=0, persistent_workers=False, pin_memory=False)
    cfg.test_cfg = cfg.test_dataloader = cfg.test_evaluator = None
    runner = RUNNERS.build(cfg)
    runner.train()
    assert runner.iter == 2  # 5 sets of 2 pairs
    assert runner.optim_wrapper.get_lr()['lr'][-1] == pytest.approx(0.0, abs=1e-12)
    names = ('retrieval/i2t_R1', 'retrieval/t2i_R1', 'grounding/R1', 'grounding/num_phrases')
    metrics = {name: float(runner.message_hub.get_scalar(f'val/{name}').current()) for name in names}
    assert all(torch.isfinite(torch.tensor(list(metrics.values()))))
    assert metrics['grounding/num_phrases'] == 2
    assert list((data / 'work').glob('best_retrieval_i2t_R1_*.pth'))
