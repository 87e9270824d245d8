"""Options that several tools have, and the config they change."""

import argparse

import pytest

from slan_mm.cli.options import add_settings, parse_model_options
from slan_mm.config import read_config


def test_the_settings_of_the_command_line_are_in_the_config(tmp_path):
    (tmp_path / 'config.py').write_text('a = dict(b=1, c=2)\n')
    options = parse_model_options('What for.', [str(tmp_path / 'config.py'), 'w.pth', '--cfg-options', 'a.b=3'])
    assert options.checkpoint == 'w.pth' and options.device is None
    assert read_config(options.config, options.cfg_options).a == dict(b=3, c=2)
    options = parse_model_options('What for.', [str(tmp_path / 'config.py'), 'w.pth'])
    assert read_config(options.config, options.cfg_options).a == dict(b=1, c=2)


def test_a_setting_without_a_value_is_told(capsys):
    parser = argparse.ArgumentParser()
    add_settings(parser)
    with pytest.raises(SystemExit):
        parser.parse_args(['--cfg-options', 'a=1', 'model.depth'])
    assert "--cfg-options: 'model.depth' is no key=value" in capsys.readouterr().err
