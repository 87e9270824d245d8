"""Every config of the repository builds, trains a step and predicts, at toy size, offline.

On a CPU, unless SLAN_TEST_DEVICE names another device.
"""

import functools
import itertools
import os
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.optim import build_optim_wrapper
from mmengine.registry import init_default_scope
from support.shrink import SIZE, shapes, shrink

from slan_mm.applied_config import find_steps
from slan_mm.engine import load_from_file
from slan_mm.registry import DATASETS, EVALUATOR, HOOKS, LOOPS, METRICS, MODELS, PARAM_SCHEDULERS, RUNNERS, TRANSFORMS

ROOT = Path(__file__).parents[2] / 'configs'
DEVICE = os.environ.get('SLAN_TEST_DEVICE', 'cpu')
CONFIGS = sorted(
    path
    for path in ROOT.rglob('*.py')
    # The detectors of baseline/ and pseudo/ are mmdet's: test_baseline.py, test_pseudo.py.
    if not {'_base_', 'baseline', 'pseudo'} & set(path.parts) and path.name != 'default_runtime.py'
)

#: What a training step of a model of a type logs besides the sum of its losses.
LOGGED = {
    'NearestCaptioner': {'loss_itc', 'loss_itm', 'loss_reg'},
    'SLAN': {'loss_itc', 'loss_itm', 'loss_reg'},
    'MultiScaleSLAN': {'loss_itc', 'loss_itm', 'loss_reg'},
    'EarlyExitSLAN': {'loss_itm', 'itm_accuracy'},
    'SLANCaptioner': {'loss_caption'},
    'SLANAnswerer': {'loss_answer'},
    'SLANGrounder': {'loss_cls', 'loss_bbox_level0', 'loss_iou_refined', 'matched_iou'},
    'SLANDetector': {'loss_cls', 'loss_bbox_level0', 'loss_iou_refined', 'matched_iou'},
    'NLVR': {'loss_nlvr', 'loss_reg', 'accuracy'},
    'VideoRetrieval': {'loss_itc', 'loss_itm', 'loss_reg'},
}
#: What models that write add to a sample.
WRITTEN = {'SLANCaptioner': 'pred_caption', 'SLANAnswerer': 'pred_answer'}


#: A config's file, read once for all tests; none of them changes what it gets.
read_config = functools.cache(Config.fromfile)


@pytest.fixture(scope='module', params=CONFIGS, ids=[str(path.relative_to(ROOT).with_suffix('')) for path in CONFIGS])
def read(request):
    return read_config(request.param)


@pytest.fixture
def cfg(read):
    init_default_scope(read.default_scope)
    return read


def batch_of(dataset):
    dataset = DATASETS.build(dataset)
    return pseudo_collate([dataset[index] for index in range(4)])


@pytest.fixture(scope='module')
def built(read):
    """The config at toy size and its model, built once for all tests of the config."""
    init_default_scope(read.default_scope)
    cfg = shrink(read)
    torch.manual_seed(0)
    model = MODELS.build(cfg.model)
    model.init_weights()
    return cfg, model.to(DEVICE)


@pytest.fixture
def toy(built):
    """The config and the model, which afterwards is again as it was built: a copy of it takes longer than a step."""
    torch.manual_seed(0)
    config, model = built
    before = {name: value.detach().clone() for name, value in tensors_of(model)}
    yield config, model
    now = dict(tensors_of(model))
    assert now.keys() == before.keys()
    with torch.no_grad():
        for name, value in before.items():
            now[name].copy_(value)
    model.zero_grad()


def tensors_of(model):
    return itertools.chain(model.named_parameters(), model.named_buffers())


def test_stored_pictures_have_an_encoder_that_reads_them():
    read = 0
    for path in CONFIGS:
        cfg = read_config(path)
        # A variable of a config below may name a pipeline that nothing runs.
        loaders = {name: value for name, value in cfg.to_dict().items() if name.endswith('_dataloader')}
        if find_steps(loaders, 'LoadCachedFeatures'):
            assert cfg.model.image.encoder.type in ('StoredImageEncoder', 'StoredPairImageEncoder'), path
            read += 1
    assert read


def test_training_step(toy):
    cfg, model = toy
    if cfg.get('train_dataloader') is None:
        pytest.skip('an evaluation-only config')
    model.train()
    wrapper = build_optim_wrapper(model, cfg.optim_wrapper)
    trained = {name: value for name, value in model.named_parameters() if value.requires_grad}
    before = {name: value.detach().clone() for name, value in trained.items()}
    reached, updates = set(), []
    wrapper.optimizer.register_step_post_hook(lambda *_: updates.append(wrapper))
    hooks = [value.register_hook(lambda _, name=name: reached.add(name)) for name, value in trained.items()]

    steps = cfg.optim_wrapper.get('accumulative_counts', 1)
    for _ in range(steps):
        log = model.train_step(batch_of(cfg.train_dataloader.dataset), wrapper)
    for hook in hooks:
        hook.remove()

    # Boxes that nothing moves are not regressed.
    logged = LOGGED[cfg.model.type] - (set() if cfg.model.locator.adaptors else {'loss_reg'})
    if cfg.model.get('objective', {}) and cfg.model.objective.get('frozen_contrast'):
        logged -= {'loss_itc'}
    assert {'loss'} | logged <= set(log)
    assert all(torch.isfinite(value).all() for value in log.values())
    # A parameter that no loss reaches stops training on several GPUs, unless the config says that there are some.
    assert (reached != set(trained)) == cfg.get('find_unused_parameters', False), sorted(set(trained) - reached)[:5]
    assert all(torch.isfinite(value).all() for value in trained.values())
    assert any(not torch.equal(before[name], value) for name, value in trained.items())
    assert len(updates) == 1


def test_prediction(toy):
    cfg, model = toy
    PREDICTIONS[cfg.model.type](cfg, model.eval())


def test_load_from_is_something_that_training_writes_or_that_is_shipped():
    starts = {str(path): read_config(path).get('load_from') for path in CONFIGS}
    starts = {path: Path(start) for path, start in starts.items() if start}
    assert len(starts) > 25
    for path, start in starts.items():
        by_a_converter = start == Path('work_dirs/slan_detr.pth')
        shipped = (ROOT.parent / start).is_file()
        trained = start.parent == Path('work_dirs') and (ROOT / 'pretrain' / f'{start.name}.py').is_file()
        assert by_a_converter or shipped or trained, (path, start)


#: Parts that a task adds, and that pre-trained weights therefore lack.
OWN_PARTS = {'SLANCaptioner': ('decoder.', 'memory.'), 'SLANAnswerer': ('decoder.', 'memory.'), 'NLVR': ('head.',)}


FROM_SHIPPED = [path for path in CONFIGS if 'SLAN_CHECKPOINT:checkpoints/' in path.read_text()]


@pytest.mark.parametrize('path', FROM_SHIPPED, ids=lambda path: path.stem)
def test_shipped_weights_lack_nothing_but_a_new_head(path):
    cfg = read_config(path)
    init_default_scope(cfg.default_scope)
    long = read_config(ROOT / 'pretrain/slan_tiny_shapes_long.py')
    # What has no weights, such as how boxes are drawn, has to be that of the weights as well.
    assert cfg.model.locator.adaptors == long.model.locator.adaptors
    weights = load_from_file(str(ROOT.parent / cfg.load_from))['state_dict']
    found = MODELS.build(cfg.model).load_state_dict(weights, strict=False)
    assert all(name.startswith(OWN_PARTS.get(cfg.model.type, ())) for name in found.missing_keys)
    assert all(name.startswith('objective.') for name in found.unexpected_keys)


def check_detections(cfg, model):
    for sample in model.val_step(batch_of(cfg.val_dataloader.dataset)):
        found = sample.pred_instances
        assert 0 < len(found) <= cfg.model.head.max_per_img
        assert found.bboxes.min() >= 0 and found.bboxes.max() <= SIZE
        assert (found.scores[:-1] >= found.scores[1:]).all() and found.scores.min() > 0


def check_texts(cfg, model):
    (loader,) = cfg.val_dataloader.values()
    for sample in model.val_step(batch_of(loader.dataset)):
        assert isinstance(sample.get(WRITTEN[cfg.model.type]), str) and sample.pred_score <= 0


def check_nearest(cfg, model):
    known = {item['data_samples'].text for item in DATASETS.build(cfg.model.gallery)}
    for sample in model.val_step(batch_of(cfg.val_dataloader.captioning.dataset)):
        assert sample.pred_caption in known and -1.001 <= sample.pred_score <= 1.001
    # With other weights the gallery is encoded anew: its images are still the most similar to themselves.
    model.load_state_dict({name: value * 1.1 for name, value in model.state_dict().items()})
    for sample in model.val_step(batch_of(cfg.model.gallery)):
        assert sample.pred_score == pytest.approx(1, abs=1e-4)
    model.train()
    with torch.no_grad():
        for value in model.parameters():
            value.mul_(0.9)
    for sample in model.eval().val_step(batch_of(cfg.model.gallery)):
        assert sample.pred_score == pytest.approx(1, abs=1e-4)


def check_nlvr(cfg, model):
    for sample in model.val_step(batch_of(cfg.test_dataloader.nlvr2.dataset)):
        assert sample.pred_score.shape == (2,) and sample.pred_score.isfinite().all()
        assert sample.pred_label.tolist() == [int(sample.pred_score.argmax())]


def check_retrieval(cfg, model):
    data = model.data_preprocessor(batch_of(cfg.test_dataloader.retrieval.dataset), False)
    with torch.no_grad():
        image = model.encode_image(data['inputs'])
        text = model.encode_text([sample.text[0] for sample in data['data_samples']])
        assert torch.isfinite(model.shortlist_scores(image, text)).all() and model.shortlist_scores(
            image, text
        ).shape == (4, 4)
        assert torch.isfinite(model.itm_scores(image, text[torch.tensor([1, 2, 3, 0], device=DEVICE)])).all()


def check_grounding(cfg, model):
    for sample in model.val_step(batch_of(shapes('val', 'grounding'))):
        assert len(sample.pred_phrases) == len(sample.phrases) > 0
        for levels in sample.pred_phrases:
            # Before any adaptor, after each, and what the grounder's head refines.
            assert len(levels) == len(cfg.model.locator.adaptors) + 1 + (cfg.model.type == 'SLANGrounder')
            for level in levels:
                boxes, scores = level['boxes'], level['scores']
                assert boxes.shape == (len(scores), 4) and len(scores) > 0
                assert (scores[:-1] >= scores[1:]).all()
                assert (boxes[:, 2:] > boxes[:, :2]).all()
                assert boxes.min() >= -1e-3 and boxes.max() <= SIZE + 1e-3


def check_slan(cfg, model):
    check_grounding(cfg, model)
    if 'retrieval' in cfg.test_dataloader:
        check_retrieval(cfg, model)


#: How a model's predictions are checked, by its type.
PREDICTIONS = {
    'NLVR': check_nlvr,
    'NearestCaptioner': check_nearest,
    'SLAN': check_slan,
    'MultiScaleSLAN': check_slan,
    'SLANAnswerer': check_texts,
    'SLANCaptioner': check_texts,
    'SLANDetector': check_detections,
    'SLANGrounder': check_grounding,
    'EarlyExitSLAN': check_retrieval,
    'VideoRetrieval': check_retrieval,
}


def as_tasks(config):
    """Loaders or evaluators by task; of a single task, which MMEngine's own loops run, under the name 'single'."""
    return {'single': config} if 'dataset' in config or 'type' in config else config


def test_everything_named_is_there(cfg):
    """What is not part of the model: data, loops, hooks, evaluators, schedule."""
    trains = cfg.get('train_dataloader') is not None
    loaders = [cfg.train_dataloader] if trains else []
    for mode in ('val', 'test') if trains else ('test',):
        tasks, evaluators = as_tasks(cfg[f'{mode}_dataloader']), as_tasks(cfg[f'{mode}_evaluator'])
        loaders += list(tasks.values())
        assert set(tasks) == set(evaluators)
        assert LOOPS.get(cfg[f'{mode}_cfg'].type) is not None
        for evaluator in evaluators.values():
            if METRICS.get(evaluator.type) is not None:
                # Built, it would read its annotation file.
                continue
            if 'metrics' in evaluator:
                assert all(METRICS.build(metric) for metric in evaluator.metrics)
            else:
                assert EVALUATOR.build(evaluator)
    for loader in loaders:
        for dataset in loader.dataset.get('datasets', [loader.dataset]):
            assert DATASETS.get(dataset.type) is not None
            for step in dataset.get('pipeline') or []:
                assert TRANSFORMS.get(step.type) is not None
    hooks = [*cfg.default_hooks.values(), *cfg.get('custom_hooks', [])]
    assert all(HOOKS.get(hook.type) is not None for hook in hooks if hook is not None)
    assert RUNNERS.get(cfg.runner_type) is not None
    if trains:
        assert all(PARAM_SCHEDULERS.get(scheduler.type) is not None for scheduler in cfg.param_scheduler)
        assert LOOPS.get(cfg.train_cfg.type) is not None
