"""Reading a config, and the settings that override it."""

import logging

import pytest

from slan_mm.config import read_config


@pytest.fixture
def config(tmp_path):
    path = tmp_path / 'model.py'
    path.write_text(
        "model = dict(type='SLAN', embed_dims=8, objective=dict(type='PretrainObjective', itc=dict(temperature=0.1)))\n"
        "train_cfg = dict(max_iters=3)\ndefault_hooks = dict(logger=dict(type='IterLoggerHook', interval=5))\n"
        "param_scheduler = [dict(type='LinearLR', end=3)]\n"
    )
    return path


@pytest.mark.parametrize(
    ('slip', 'meant'),
    [
        ('modle.embed_dims', "it has no 'modle'; is 'model' meant?"),
        ('model.embed_dim', "model has no 'embed_dim'; is 'embed_dims' meant?"),
        ('model.objective.itc.tempratur', "model.objective.itc has no 'tempratur'; is 'temperature' meant?"),
        ('param_scheduler.0.edn', "param_scheduler.0 has no 'edn'; is 'end' meant?"),
        # Not in the config: a parameter of the hook's, of the runner's.
        ('default_hooks.logger.ignore_lst', "default_hooks.logger has no 'ignore_lst'; is 'ignore_last' meant?"),
        ('val_dataloadr.batch_size', "it has no 'val_dataloadr'; is 'val_dataloader' meant?"),
    ],
)
def test_a_slip_is_refused_and_what_is_meant_is_named(config, slip, meant):
    with pytest.raises(ValueError) as refused:
        read_config(config, {slip: 1})
    assert str(refused.value) == f'{slip} is no setting of {config}: {meant}'


@pytest.mark.parametrize(
    'name',
    [
        *('model.embed_dims', 'train_cfg.max_iters', 'param_scheduler.0.end', 'custom_hooks.0.type', 'work_dir'),
        *('default_hooks.logger.ignore_last', 'val_dataloader.batch_size', 'model._delete_'),
        # A new part begins with its type.
        *('default_hooks.frames.type', 'model.image.encoder.type'),
    ],
)
def test_settings_parameters_and_new_parts_are_taken_in_silence(config, name, caplog):
    if name.startswith('custom_hooks'):
        config.write_text(config.read_text() + "custom_hooks = [dict(type='IterTimerHook')]\n")
    read_config(config, {name: 'CompileHook' if name.endswith('type') else 1})
    assert not caplog.records


def test_what_is_new_and_like_nothing_is_taken_with_a_warning(config, caplog):
    with caplog.at_level(logging.WARNING, 'slan_mm'):
        assert read_config(config, {'model.objective.itc.queue': 7}).model.objective.itc.queue == 7
    (record,) = caplog.records
    assert "model.objective.itc has no 'queue'. It is added." in record.getMessage()


def test_the_parameters_of_a_part_that_was_just_added_are_known(config, caplog):
    settings = {'default_hooks.frames.type': 'TrainingFramesHook', 'default_hooks.frames.indexes': 2}
    with pytest.raises(ValueError, match="default_hooks.frames has no 'indexes'; is 'indices' meant"):
        read_config(config, settings)


def test_a_file_that_is_missing_or_no_config_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match='no config .*nope.py'):
        read_config(tmp_path / 'nope.py')
    (tmp_path / 'broken.py').write_text('model = dict(\n')
    with pytest.raises(ValueError, match='broken.py cannot be read as a config: SyntaxError'):
        read_config(tmp_path / 'broken.py')


def test_a_setting_that_is_gone_is_named_with_what_stands_in_its_place(config):
    with pytest.raises(ValueError, match=r"encoder\.feature_store is gone: set model\.text\.encoder\.type='StoredText"):
        read_config(config, {'model.text': dict(encoder=dict(feature_store='store'))})


def test_a_loader_without_workers_asks_for_nothing_of_workers(tmp_path):
    path = tmp_path / 'model.py'
    path.write_text(
        "loader = dict(num_workers=4, persistent_workers=True, prefetch_factor=2, dataset=dict(type='PairDataset'))\n"
        'train_dataloader = loader\ntest_dataloader = dict(retrieval=loader, grounding=dict(loader, num_workers=0))\n'
    )
    cfg = read_config(path, {'train_dataloader.num_workers': 0})
    assert (
        cfg.train_dataloader == dict(num_workers=0, dataset=dict(type='PairDataset')) == cfg.test_dataloader.grounding
    )
    assert cfg.test_dataloader.retrieval.persistent_workers
