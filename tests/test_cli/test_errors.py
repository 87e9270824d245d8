"""What a user can mend is told in one line; what is a fault of the program keeps its traceback."""

import io
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.runner import Runner, load_checkpoint
from torch import nn
from torch.utils.data import DataLoader

from slan_mm.cli.errors import line_of, one_line_errors
from slan_mm.datasets.transforms.load_image import load_image
from slan_mm.engine.checkpoint_io import load_from_file
from slan_mm.registry import DATASETS, MODELS


class Pictures(torch.utils.data.Dataset):
    """Pictures that are not there."""

    def __len__(self):
        return 2

    def __getitem__(self, index):
        return load_image(f'/nowhere/{index}.jpg')


def ours():
    load_from_file('nope.pth')


def another_type():
    MODELS.build(dict(type='slan_mm.SLANN'))


def unlike_any_type():
    DATASETS.build(dict(type='slan_mm.Qwertyuiop'))


def another_parameter():
    MODELS.build(dict(type='slan_mm.PairDataPreprocessor', maen=[0, 0, 0]))


def another_value():
    MODELS.build(dict(type='slan_mm.PairDataPreprocessor', mean='x'))


def another_loader():
    sampler = dict(type='DefaultSampler', shuffle=False)
    Runner.build_dataloader(dict(batch_size=0, num_workers=0, dataset=Pictures(), sampler=sampler))


def a_file():
    Path('/nowhere/x.csv').read_text()


def in_a_worker():
    next(iter(DataLoader(Pictures(), num_workers=1)))


def own_error_of_the_tool():
    raise ValueError('--count must be at least 1\nnot 0')


@pytest.mark.parametrize(
    ('fail', 'line'),
    [
        (ours, 'no checkpoint nope.pth: give a .pth'),
        (another_type, "'slan_mm.SLANN' is no registered model; is 'SLAN' meant?"),
        (unlike_any_type, "'slan_mm.Qwertyuiop' is no registered dataset: correct its name, or import"),
        (another_parameter, 'slan_mm.PairDataPreprocessor cannot be built: TypeError: '),
        (another_parameter, "unexpected keyword argument 'maen'. Correct the config"),
        (another_value, 'slan_mm.PairDataPreprocessor cannot be built: '),
        (another_loader, 'dataloader cannot be built: ValueError: batch_size should be a positive integer'),
        (a_file, '/nowhere/x.csv'),
        (in_a_worker, '/nowhere/0.jpg'),
        (own_error_of_the_tool, '--count must be at least 1 not 0'),
    ],
)
def test_an_error_for_the_user_is_one_line_after_the_tools_name(fail, line, monkeypatch):
    monkeypatch.delenv('SLAN_DEBUG', raising=False)

    @one_line_errors
    def main():
        fail()

    with pytest.raises(SystemExit) as ended:
        main()
    told = ended.value.code
    assert told.startswith('test_errors: ') and line in told and '\n' not in told
    monkeypatch.setenv('SLAN_DEBUG', '1')
    with pytest.raises(Exception) as whole:
        main()
    assert not isinstance(whole.value, SystemExit)


def test_weights_of_another_model_are_one_line(tmp_path):
    torch.save({'state_dict': {'another.weight': torch.zeros(1)}}, tmp_path / 'other.pth')
    with pytest.raises(RuntimeError) as refused:
        load_checkpoint(nn.Linear(2, 2), str(tmp_path / 'other.pth'), strict=True)
    line = line_of(refused.value)
    assert 'another.weight' in line
    assert line.endswith('Give the weights of this model, or the config that they were trained with')


@pytest.mark.parametrize(
    'fault',
    [
        lambda: torch.zeros(2) @ torch.zeros(3),
        lambda: {}['x'],
        lambda: int('x'),
        lambda: Config(dict(a=1)).b,
    ],
)
def test_a_fault_of_the_program_keeps_its_traceback(fault, monkeypatch):
    monkeypatch.delenv('SLAN_DEBUG', raising=False)
    with pytest.raises(Exception) as raised:
        one_line_errors(lambda: fault())()
    assert not isinstance(raised.value, SystemExit)


def test_names_that_the_terminal_cannot_show_end_no_tool(monkeypatch):
    shown = io.BytesIO()
    monkeypatch.setattr('sys.stdout', io.TextIOWrapper(shown, encoding='ascii'))

    @one_line_errors
    def main():
        print('caf\udce9.jpg 猫', flush=True)

    main()
    assert shown.getvalue() == b'caf\\udce9.jpg \\u732b\n'
