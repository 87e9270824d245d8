"""``tools/app.py``: its options, the extra that it needs, and whom it lets in."""

import runpy
import sys
from pathlib import Path

import pytest

from slan_mm.app.server import is_loopback

TOOL = Path(__file__).parents[2] / 'tools' / 'app.py'


@pytest.fixture(scope='module')
def tool():
    return runpy.run_path(str(TOOL))


def test_it_listens_on_this_machine_alone_unless_asked(tool):
    options = tool['parse_options']([])
    assert (options.host, options.config, options.index, options.compare) == ('127.0.0.1', None, None, [])
    assert is_loopback(options.host) and is_loopback('localhost') and is_loopback('::1')
    assert not is_loopback('0.0.0.0') and not is_loopback('192.168.1.7') and not is_loopback('example.org')


@pytest.mark.parametrize(
    'arguments', [['--port', '0'], ['--port', '70000'], ['--compare', 'a', 'b', 'c'], ['--compare']]
)
def test_a_wrong_option_is_told(tool, arguments, capsys):
    with pytest.raises(SystemExit) as ended:
        tool['parse_options'](arguments)
    assert ended.value.code == 2 and arguments[0] in capsys.readouterr().err


def test_without_gradio_the_extra_is_named_before_a_model_is_read(tool, monkeypatch):
    monkeypatch.setitem(sys.modules, 'gradio', None)
    with pytest.raises(SystemExit, match=r"^app: gradio not installed.*pip install 'gradio"):
        tool['main'](['no_such_config.py'])


def test_a_model_that_is_not_there_is_told_in_one_line(tool):
    pytest.importorskip('gradio')
    with pytest.raises(SystemExit, match=r'^app: no config no_such_config.py'):
        tool['main'](['no_such_config.py', 'x.pth'])
