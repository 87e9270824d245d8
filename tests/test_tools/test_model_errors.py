import pytest
from model_errors import figure


@pytest.mark.parametrize(
    ('value', 'digits', 'written'), [(12.34, 1, '12.3'), (0.126, 2, '0.13'), (float('nan'), 1, '-')]
)
def test_a_figure_or_a_dash(value, digits, written):
    assert figure(value, digits) == written
