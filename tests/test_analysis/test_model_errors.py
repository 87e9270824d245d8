import pytest

from slan_mm.analysis.model_errors import figure, parse_model_options, read_model_config


def test_the_settings_of_the_command_line_are_in_the_config(tmp_path):
    (tmp_path / 'config.py').write_text('a = dict(b=1, c=2)\n')
    options = parse_model_options('What for.', [str(tmp_path / 'config.py'), 'w.pth', '--cfg-options', 'a.b=3'])
    assert options.checkpoint == 'w.pth' and options.device is None
    assert read_model_config(options).a == dict(b=3, c=2)
    options = parse_model_options('What for.', [str(tmp_path / 'config.py'), 'w.pth'])
    assert read_model_config(options).a == dict(b=1, c=2)


@pytest.mark.parametrize(
    ('value', 'digits', 'written'), [(12.34, 1, '12.3'), (0.126, 2, '0.13'), (float('nan'), 1, '-')]
)
def test_a_figure_or_a_dash(value, digits, written):
    assert figure(value, digits) == written
