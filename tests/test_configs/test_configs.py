"""Every config of the repository builds, trains a step and predicts, at toy size, offline."""

from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.optim import build_optim_wrapper
from mmengine.registry import init_default_scope
from shrink import SIZE, shapes, shrink

from slan_mm.registry import DATASETS, EVALUATOR, HOOKS, LOOPS, METRICS, MODELS, PARAM_SCHEDULERS, RUNNERS, TRANSFORMS

ROOT = Path(__file__).parents[2] / 'configs'
CONFIGS = sorted(
    path for path in ROOT.rglob('*.py') if '_base_' not in path.parts and path.name != 'default_runtime.py'
)


@pytest.fixture(params=CONFIGS, ids=[str(path.relative_to(ROOT).with_suffix('')) for path in CONFIGS])
def cfg(request):
    cfg = Config.fromfile(request.param)
    init_default_scope(cfg.default_scope)
    return cfg


def batch_of(dataset):
    dataset = DATASETS.build(dataset)
    return pseudo_collate([dataset[index] for index in range(4)])


def build_model(cfg):
    torch.manual_seed(0)
    model = MODELS.build(cfg.model)
    model.init_weights()
    return model


#: What a training step logs, by the model's type.
LOGGED = {
    'NLVR': {'loss', 'loss_nlvr', 'loss_reg', 'accuracy'},
    'SLANCaptioner': {'loss', 'loss_caption'},
    'SLANAnswerer': {'loss', 'loss_answer'},
}
PRETRAINING = {'loss', 'loss_itc', 'loss_itm', 'pairwise_iou', 'kept_share'}


def test_training_step(cfg):
    if cfg.get('train_dataloader') is None:
        pytest.skip('an evaluation-only config')
    cfg = shrink(cfg)
    model = build_model(cfg).train()
    wrapper = build_optim_wrapper(model, cfg.optim_wrapper)
    trained = {name: value for name, value in model.named_parameters() if value.requires_grad}
    before = {name: value.detach().clone() for name, value in trained.items()}
    reached = set()
    for name, value in trained.items():
        value.register_hook(lambda _, name=name: reached.add(name))

    log = model.train_step(batch_of(cfg.train_dataloader.dataset), wrapper)

    assert LOGGED.get(cfg.model.type, PRETRAINING) <= set(log)
    assert all(torch.isfinite(value).all() for value in log.values())
    # A parameter that no loss reaches stops training on several GPUs, unless the config says that there are some.
    assert (reached != set(trained)) == cfg.get('find_unused_parameters', False), sorted(set(trained) - reached)[:5]
    assert all(torch.isfinite(value).all() for value in trained.values())
    assert any(not torch.equal(before[name], value) for name, value in trained.items())
    assert wrapper._inner_count == 1


def test_prediction(cfg):
    cfg = shrink(cfg)
    model = build_model(cfg).eval()
    PREDICTION.get(cfg.model.type, check_slan)(cfg, model)


def check_nlvr(cfg, model):
    for sample in model.val_step(batch_of(cfg.test_dataloader.nlvr2.dataset)):
        assert sample.pred_score.shape == (2,) and sample.pred_score.isfinite().all()
        assert sample.pred_label.tolist() == [int(sample.pred_score.argmax())]


def check_writing(cfg, model):
    (loader,) = cfg.val_dataloader.values()
    name = {'SLANCaptioner': 'pred_caption', 'SLANAnswerer': 'pred_answer'}[cfg.model.type]
    for sample in model.val_step(batch_of(loader.dataset)):
        assert isinstance(sample.get(name), str) and sample.pred_score <= 0


def check_retrieval(cfg, model):
    data = model.data_preprocessor(batch_of(cfg.test_dataloader.retrieval.dataset), False)
    with torch.no_grad():
        image = model.encode_image(data['inputs'])
        text = model.encode_text([sample.text[0] for sample in data['data_samples']])
        assert torch.isfinite(model.itc_scores(image, text)).all() and model.itc_scores(image, text).shape == (4, 4)
        assert torch.isfinite(model.itm_scores(image, text[torch.tensor([1, 2, 3, 0])])).all()


def check_slan(cfg, model):
    for sample in model.val_step(batch_of(shapes('val', 'grounding'))):
        assert len(sample.pred_phrases) == len(sample.phrases) > 0
        for levels in sample.pred_phrases:
            assert len(levels) == len(cfg.model.locator.adaptors) + 1
            for level in levels:
                boxes, scores = level['boxes'], level['scores']
                assert boxes.shape == (len(scores), 4) and len(scores) > 0
                assert (scores[:-1] >= scores[1:]).all()
                assert (boxes[:, 2:] > boxes[:, :2]).all()
                assert boxes.min() >= -1e-3 and boxes.max() <= SIZE + 1e-3
    check_retrieval(cfg, model)


#: How a model's predictions are checked, by its type.
PREDICTION = {
    'NLVR': check_nlvr,
    'VideoRetrieval': check_retrieval,
    'SLANCaptioner': check_writing,
    'SLANAnswerer': check_writing,
}


def test_everything_named_is_there(cfg):
    """What is not part of the model: data, loops, hooks, evaluators, schedule."""
    trains = cfg.get('train_dataloader') is not None
    loaders = [cfg.train_dataloader] if trains else []
    for mode in ('val', 'test') if trains else ('test',):
        loaders += list(cfg[f'{mode}_dataloader'].values())
        assert set(cfg[f'{mode}_dataloader']) == set(cfg[f'{mode}_evaluator'])
        assert LOOPS.get(cfg[f'{mode}_cfg'].type) is not None
        for evaluator in cfg[f'{mode}_evaluator'].values():
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
