"""Which numbers of a log are means over the last iterations."""

from types import SimpleNamespace

import pytest
from mmengine.logging import MessageHub
from mmengine.registry import LOG_PROCESSORS

from slan_mm.config import read_config


@pytest.fixture
def processor():
    return LOG_PROCESSORS.build(read_config('configs/default_runtime.py').log_processor)


def test_a_validation_logs_what_it_measured_and_no_mean_with_earlier_ones(processor):
    hub = MessageHub('validations')
    for value in (10.0, 30.0):
        hub.update_scalar('val/retrieval/i2t_R1', value)
    runner = SimpleNamespace(message_hub=hub, val_loop=SimpleNamespace(dataloader=[0]), val_dataloader=[0])
    tag, text = processor.get_log_after_epoch(runner, 0, 'val')
    assert tag['retrieval/i2t_R1'] == 30
    assert 'retrieval/i2t_R1: 30' in text


@pytest.mark.parametrize(
    ('name', 'is_mean'),
    [('loss_itc', True), ('itm_accuracy', True), ('side_1', True), ('time', True), ('lr', False), ('base_lr', False)],
)
def test_losses_are_means_and_learning_rates_current(processor, name, is_mean):
    assert bool(processor.mean_pattern.search(name)) is is_mean
