"""Frozen towers that checkpoints only name, last blocks that learn, LoRA: trained, resumed, saved and published."""

import shutil
from importlib.util import find_spec

import pytest
import torch
from mmengine.config import Config
from support.text_models import save_text_model
from support.toy import SIZE, toy_batch, toy_config, toy_losses
from torch import nn
from transformers import CLIPVisionConfig, CLIPVisionModel

from slan_mm.apis import init_model
from slan_mm.engine.checkpoint_io import load_from_file
from slan_mm.engine.launch import build_runner
from slan_mm.models import SLAN
from slan_mm.models.named_towers import leave_out_towers
from slan_mm.models.tower_blocks import depths, find_blocks, learn_last
from slan_mm.registry import MODELS

needs_lora = pytest.mark.skipif(find_spec('peft') is None, reason='the extra lora is not installed')
LORA = {'image': dict(r=2, target_modules=['q_proj', 'v_proj']), 'text': dict(r=2, target_modules=['query', 'value'])}
WAYS = {
    'frozen': {side: dict(frozen=True) for side in LORA},
    'last': {side: dict(learn_last=1) for side in LORA},
    'lora': {side: dict(lora=settings) for side, settings in LORA.items()},
}
every_way = pytest.mark.parametrize('way', ['frozen', 'last', pytest.param('lora', marks=needs_lora)])


@pytest.fixture(scope='module')
def towers(tmp_path_factory):
    """A folder with a text and a vision tower of two layers each."""
    folder = tmp_path_factory.mktemp('towers')
    save_text_model('bert', folder / 'text')
    torch.manual_seed(1)
    sizes = dict(hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32)
    CLIPVisionModel(CLIPVisionConfig(**sizes, patch_size=8, image_size=SIZE)).save_pretrained(folder / 'vision')
    return folder


def model_of(towers, way):
    backbone, text = dict(type='TransformersBackbone', model=str(towers / 'vision')), str(towers / 'text')
    return toy_config(
        image__encoder=dict(type='ImageEncoder', backbone=backbone, **WAYS[way]['image']),
        image__decoder=dict(type='VisionDecoder', scales=(1, 1)),
        text__encoder=dict(type='TextEncoder', tokenizer=text, model=text, max_words=20, **WAYS[way]['text']),
    )


def config_of(towers, way, work_dir, iterations, **options):
    data = dict(type='ShapesPairs', split='train', task='pair', num_images=8, image_size=SIZE)
    sampler = dict(type='ResumableSampler')
    decay = dict(
        constructor='mmpretrain.LearningRateDecayOptimWrapperConstructor', paramwise_cfg=dict(layer_decay_rate=0.5)
    )
    return Config(
        dict(
            default_scope='slan_mm',
            runner_type='ResumableRunner',
            model=model_of(towers, way),
            image_size=SIZE,
            train_dataloader=dict(
                batch_size=4, num_workers=0, dataset=data, sampler=sampler, collate_fn=dict(type='pseudo_collate')
            ),
            train_cfg=dict(type='ResumableIterLoop', max_iters=iterations),
            optim_wrapper=dict(type='OptimWrapper', optimizer=dict(type='AdamW', lr=0.01, weight_decay=0.05), **decay),
            default_hooks=dict(
                checkpoint=dict(type='SafeCheckpointHook', by_epoch=False, interval=1, frozen_towers=False)
            ),
            work_dir=str(work_dir),
            launcher='none',
            randomness=dict(seed=0),
            log_level='ERROR',
            experiment_name=f'{way}_{work_dir.name}_{iterations}',
            **options,
        )
    )


def trained(*args, **options):
    runner = build_runner(config_of(*args, **options))
    runner.train()
    return runner.model


@every_way
def test_it_is_trained_resumed_tested_and_saved(way, towers, tmp_path):
    straight = trained(towers, way, tmp_path / 'straight', 2)
    trained(towers, way, tmp_path / 'resumed', 1)
    resumed = trained(towers, way, tmp_path / 'resumed', 2, resume='auto')
    state, start = straight.state_dict(), MODELS.build(model_of(towers, way)).state_dict()
    assert all(torch.equal(value, state[name]) for name, value in resumed.state_dict().items())

    changed = {name for name, value in start.items() if 'encoder.backbone' in name and not value.equal(state[name])}
    learns = {'frozen': [], 'last': ['.1.', 'layernorm'], 'lora': ['.lora_']}[way]
    assert all(any(part in name for part in learns) for name in changed) and bool(changed) == bool(learns)
    if way != 'frozen':
        assert {name.split('.')[0] for name in changed} == {'image_branch', 'text_branch'}

    checkpoint = tmp_path / 'straight' / 'iter_2.pth'
    names = load_from_file(str(checkpoint))['state_dict'].keys()
    assert any('encoder.backbone.' in name for name in names) == (way != 'frozen')
    applied = init_model(config_of(towers, way, tmp_path, 2), checkpoint, 'cpu')
    assert all(torch.equal(value, state[name]) for name, value in applied.state_dict().items())
    applied.save_pretrained(tmp_path / 'folder')
    loaded = SLAN.from_pretrained(tmp_path / 'folder').state_dict()
    assert all(torch.equal(value, loaded[name]) for name, value in state.items()), 'the folder has the towers, too'


def test_another_tower_and_a_missing_one_are_told(towers, tmp_path):
    trained(towers, 'frozen', tmp_path / 'work', 1)
    others = tmp_path / 'others'
    shutil.copytree(towers, others)
    save_text_model('bert', others / 'text', seed=5)
    with pytest.raises(
        ValueError, match=r"has no text_branch\.encoder\.backbone, but names 'text' \(hash \w+\)"
    ) as told:
        init_model(config_of(others, 'frozen', tmp_path, 1), tmp_path / 'work', 'cpu')
    assert 'Let model.text.encoder name the weights' in str(told.value)
    shutil.rmtree(others / 'vision')
    with pytest.raises(OSError, match='vision'):
        init_model(config_of(others, 'frozen', tmp_path, 1), tmp_path / 'work', 'cpu')


def test_a_tower_whose_file_is_read_at_the_start_of_a_training_is_read_for_a_test(tmp_path):
    source = MODELS.build(toy_config()).image_branch.encoder.backbone
    torch.save(source.state_dict(), tmp_path / 'tower.pth')
    file = dict(image__encoder__frozen=True, image__encoder__backbone_checkpoint=str(tmp_path / 'tower.pth'))
    model = MODELS.build(toy_config(**file))
    model.init_weights()
    head = leave_out_towers(model, model.state_dict())
    assert not any(name.startswith('image_branch.encoder.backbone') for name in head)
    other = MODELS.build(toy_config(**file))
    other.load_state_dict(head)
    assert all(torch.equal(value, other.state_dict()[name]) for name, value in model.state_dict().items())
    (tmp_path / 'tower.pth').unlink()
    with pytest.raises(FileNotFoundError, match=r'No weights at .*tower\.pth'):
        MODELS.build(toy_config(**file)).load_state_dict(head)


def test_towers_that_learn_or_have_no_name_stay_in_checkpoints():
    for options in ({}, dict(image__encoder__frozen=True)):
        model = MODELS.build(toy_config(**options))
        assert leave_out_towers(model, model.state_dict()).keys() == model.state_dict().keys()


def test_the_rate_falls_with_every_block_below_the_heads(towers, tmp_path):
    cfg = config_of(towers, 'last', tmp_path, 1)
    for side in ('image', 'text'):
        cfg.model[side].encoder.learn_last = 2
    wrapper = build_runner(cfg).build_optim_wrapper(cfg.optim_wrapper)
    rates = {group['param_name']: group['lr'] for group in wrapper.optimizer.param_groups}
    names = {
        'text_branch.encoder.backbone.encoder.layer.1.output.dense.weight': 0.005,
        'text_branch.encoder.backbone.encoder.layer.0.output.dense.weight': 0.0025,
        'image_branch.encoder.backbone.model.vision_model.encoder.layers.0.mlp.fc1.weight': 0.0025,
        'image_branch.encoder.projections.0.weight': 0.01,
        'locator.adaptors.0.norm.weight': 0.01,
    }
    assert {name: rates[name] for name in names} == pytest.approx(names)
    assert not any('embeddings' in name for name in rates)


def test_blocks_and_depths_of_towers():
    tower = nn.ModuleDict(
        dict(
            stem=nn.Sequential(nn.Conv2d(3, 4, 1), nn.ReLU()),
            layers=nn.ModuleList(nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4)) for _ in range(3)),
            norm=nn.LayerNorm(4),
        )
    )
    assert find_blocks(tower) == ['layers.0', 'layers.1', 'layers.2']
    found = depths(tower)
    assert [found[f'{name}.weight'] for name in ('stem.0', 'layers.0.1', 'layers.2.0', 'norm')] == [4, 3, 1, 0]
    assert learn_last(tower, 2, 'x') == [tower.layers[0]]
    assert [name for name, value in tower.named_parameters() if not value.requires_grad] == [
        'stem.0.weight',
        'stem.0.bias',
        'layers.0.0.weight',
        'layers.0.0.bias',
        'layers.0.1.weight',
        'layers.0.1.bias',
    ]
    with pytest.raises(ValueError, match=r'x\.learn_last=4: ModuleDict has 3 blocks'):
        learn_last(tower, 4, 'x')
    with pytest.raises(ValueError, match='Linear has no row of blocks'):
        find_blocks(nn.Linear(1, 1))


def test_frozen_blocks_stay_in_evaluation_mode(towers):
    encoder = MODELS.build(model_of(towers, 'last')).train().text_branch.encoder
    assert [layer.training for layer in encoder.backbone.encoder.layer] == [False, True]


@pytest.mark.parametrize(
    ('options', 'said'),
    [
        (dict(frozen=True, learn_last=1), 'only one can be set'),
        (dict(learn_last=1, lora=LORA['text']), 'only one can be set'),
        (dict(learn_last=3), 'has 2 blocks'),
        pytest.param(dict(lora=dict(r=2)), 'needs target_modules', marks=needs_lora),
        pytest.param(dict(lora=dict(rank=2)), 'has no setting rank', marks=needs_lora),
        pytest.param(dict(lora=dict(target_modules=['no'])), 'Linear layers of the tower are', marks=needs_lora),
    ],
)
def test_mistakes_are_told(towers, options, said):
    config = model_of(towers, 'last')['text']['encoder'] | dict(learn_last=None) | options
    with pytest.raises(ValueError, match=said):
        MODELS.build(config)


@needs_lora
def test_lora_begins_as_the_tower_and_takes_a_checkpoint_of_before(towers):
    plain = MODELS.build(model_of(towers, 'frozen')).eval()
    model = MODELS.build(model_of(towers, 'lora')).eval()
    model.init_weights()
    model.load_state_dict(plain.state_dict())
    texts = ['a red circle', 'a star']
    torch.testing.assert_close(model.encode_text(texts).words, plain.encode_text(texts).words)
    losses = toy_losses(model.train(), toy_batch())
    sum(value for name, value in losses.items() if name.startswith('loss')).backward()
    learning = [name for name, value in model.named_parameters() if value.requires_grad and 'encoder.backbone' in name]
    assert learning and all('.lora_' in name for name in learning)
    assert all(dict(model.named_parameters())[name].grad is not None for name in learning)
