import importlib.util
import json
from pathlib import Path

import pytest
import torch
from mmdet.registry import MODELS as MMDET_MODELS
from mmdet.structures import DetDataSample
from mmengine.registry import DefaultScope
from support.detection import detector_config

from slan_mm.models.locator.boxes import clip_boxes
from slan_mm.registry import MODELS

_PATH = Path(__file__).parents[2] / 'tools/model_converters/detr_to_slan.py'
WIDTH, QUERIES = 16, 13


@pytest.fixture(scope='module')
def tool():
    spec = importlib.util.spec_from_file_location('detr_to_slan', _PATH)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


BACKBONE = dict(
    type='mmdet.ResNet',
    depth=18,
    base_channels=8,
    out_indices=(3,),
    norm_cfg=dict(type='BN', requires_grad=False),
    norm_eval=True,
)


def detr(queries=QUERIES, layers=1, base_channels=8, seed=1):
    """mmdet's DETR as its configs have it, small, with random weights."""
    attention = dict(embed_dims=WIDTH, num_heads=2, dropout=0.1, batch_first=True)
    ffn = dict(embed_dims=WIDTH, feedforward_channels=32, num_fcs=2, ffn_drop=0.1, act_cfg=dict(type='ReLU'))
    config = dict(
        type='DETR',
        num_queries=queries,
        backbone=BACKBONE | dict(base_channels=base_channels),
        neck=dict(
            type='ChannelMapper',
            in_channels=[8 * base_channels],
            kernel_size=1,
            out_channels=WIDTH,
            act_cfg=None,
            norm_cfg=None,
            num_outs=1,
        ),
        encoder=dict(num_layers=layers, layer_cfg=dict(self_attn_cfg=attention, ffn_cfg=ffn)),
        decoder=dict(
            num_layers=layers,
            layer_cfg=dict(self_attn_cfg=attention, cross_attn_cfg=attention, ffn_cfg=ffn),
            return_intermediate=True,
        ),
        positional_encoding=dict(num_feats=WIDTH // 2, normalize=True),
        bbox_head=dict(
            type='DETRHead',
            num_classes=80,
            embed_dims=WIDTH,
            loss_cls=dict(type='CrossEntropyLoss', bg_cls_weight=0.1, class_weight=1.0),
        ),
    )
    torch.manual_seed(seed)
    with DefaultScope.overwrite_default_scope('mmdet'):
        model = MMDET_MODELS.build(config)
    with torch.no_grad():
        for name, value in model.named_parameters():
            if name.endswith('bias'):
                value.normal_(std=0.05)
        # Far from where they start, so that queries and pictures differ.
        for part in (model.neck, model.encoder, model.decoder, model.query_embedding, model.bbox_head):
            for value in part.parameters():
                if value.dim() > 1:
                    value.mul_(3)
    return model.eval()


def slan(seed=2, width=None, embed_dims=WIDTH, grid=(3, 2), detector='RegionDetector'):
    """The detector with DETR's backbone and transformer; V is ``embed_dims`` wide."""
    config = detector_config(
        embed_dims=embed_dims,
        image__encoder=dict(type='ImageEncoder', backbone=BACKBONE, in_channels=64),
        image__decoder=dict(type='VisionDecoder', scales=(1, 2), separable=True),
    )
    config['image']['detector'] |= dict(grid=grid, width=width, type=detector)
    for adaptor in config['locator']['adaptors']:
        adaptor['attention'] = adaptor['attention'] | dict(embed_dims=embed_dims)
    torch.manual_seed(seed)
    return MODELS.build(config).eval()


@torch.no_grad()
def detr_boxes(model, pictures):
    maps = model.neck(model.backbone(pictures))[0]
    size = tuple(pictures.shape[-2:])
    samples = [DetDataSample(metainfo=dict(batch_input_shape=size, img_shape=size)) for _ in pictures]
    hidden = model.forward_transformer((maps,), samples)['hidden_states']
    return model.bbox_head(hidden)[1][-1]


PICTURES = torch.randn(2, 3, 96, 64, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize('detector', ['PlainQueryDetector', 'RegionDetector'])
@pytest.mark.parametrize('wide', [False, True])
def test_the_detector_proposes_the_boxes_of_detr(tool, detector, wide):
    source = detr()
    model = slan(detector=detector, **(dict(embed_dims=2 * WIDTH, width=WIDTH) if wide else {}))
    report = tool.convert(model, source.state_dict())
    with torch.no_grad():
        found = model.encode_image(PICTURES).boxes
    expected = detr_boxes(source, PICTURES)
    assert expected.std(dim=1).min() > 1e-3
    torch.testing.assert_close(found, clip_boxes(expected), atol=1e-5, rtol=1e-4)
    assert bool(report['resized']) == wide


def test_every_tensor_is_reported_once(tool):
    source = detr().state_dict()
    report = tool.convert(slan(), source)
    named = [line.split(' ')[0] for kind in ('used', 'resized', 'left') for line in report[kind]]
    assert sorted(named) == sorted(source)
    assert {line.split(' ')[0] for line in report['left']} == {'bbox_head.fc_cls.weight', 'bbox_head.fc_cls.bias'}
    # What DETR has nothing for: saliency alone.
    kept = {line.split(' ')[0] for line in report['kept']}
    assert kept == {'image_branch.detector.saliency_head.weight', 'image_branch.detector.saliency_head.bias'}


@pytest.mark.parametrize('grid', [(3,), (3, 2, 1)])
def test_another_number_of_queries_takes_the_first_ones(tool, grid):
    source, model = detr(), slan(grid=grid)
    own = model.image_branch.detector.query_embedding.weight.detach().clone()
    report = tool.convert(model, source.state_dict())
    (line,) = report['resized']
    assert line.startswith('query_embedding.weight (13, 16)')
    new = model.image_branch.detector.query_embedding.weight
    count = min(len(new), QUERIES)
    assert torch.equal(new[:count], source.query_embedding.weight[:count])
    assert torch.equal(new[count:], own[count:])


@pytest.mark.parametrize(
    ('source', 'message'),
    [
        (dict(layers=2), 'different architectures.*layers.1.*no such layer'),
        (dict(base_channels=16), 'different architectures.*backbone'),
    ],
)
def test_another_architecture_is_refused(tool, source, message):
    with pytest.raises(ValueError, match=message):
        tool.convert(slan(), detr(**source).state_dict())


def test_what_is_no_detr_is_refused(tool):
    with pytest.raises(ValueError, match=r'no DETR of mmdet 3.*lacks'):
        tool.convert(slan(), {'rpn_head.weight': torch.ones(1)})
    with pytest.raises(ValueError, match='mmdet 2'):
        tool.convert(slan(), {'bbox_head.transformer.x': torch.ones(1)})


def test_width_and_channels_have_to_fit(tool):
    source = detr().state_dict()
    with pytest.raises(ValueError, match=r'different architectures.*Set backbone, width'):
        tool.convert(slan(embed_dims=2 * WIDTH), source)
    model = slan()
    model.image_branch.encoder.projections[0] = torch.nn.Conv2d(32, WIDTH, 1)
    with pytest.raises(ValueError, match=r'does not fit .*last level alone'):
        tool.convert(model, source)


def test_command_writes_a_checkpoint_that_training_loads(tool, tmp_path, monkeypatch, capsys):
    config = detector_config(image__encoder=dict(type='ImageEncoder', backbone=BACKBONE, in_channels=64))
    config['image']['decoder'] = dict(type='VisionDecoder', scales=(1, 2), separable=True)
    (tmp_path / 'config.py').write_text(f"default_scope = 'slan_mm'\nmodel = {json_like(config)}\n")
    torch.save({'state_dict': detr().state_dict()}, tmp_path / 'detr.pth')
    out = tmp_path / 'deep/slan.pth'
    monkeypatch.setattr('sys.argv', ['x', *map(str, (tmp_path / 'config.py', tmp_path / 'detr.pth', out))])
    tool.main()
    assert 'left: 2' in capsys.readouterr().out
    state = torch.load(out, weights_only=True)['state_dict']
    slan().load_state_dict(state)
    assert torch.equal(state['image_branch.detector.query_embedding.weight'], detr().query_embedding.weight)


def json_like(config):
    return repr(json.loads(json.dumps(config)))
