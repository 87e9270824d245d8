"""Letters of a page."""

import warnings

from slan_mm.visualization import drawing


def test_letters_that_no_font_has_are_told_once_and_the_page_is_drawn(monkeypatch, tmp_path):
    said = []
    monkeypatch.setattr(drawing, 'print_log', lambda text, *_: said.append(text))
    monkeypatch.setattr(drawing, 'told', set())
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        for _ in range(2):
            # Of the private use area, which none of the fonts has.
            canvas = drawing.Canvas(60, 20)
            canvas.text(0, 10, 'a \uf8fe b', 8)
            canvas.save(tmp_path / 'page.png')
    assert len(said) == 1 and r"'\uf8fe'" in said[0]
    assert (tmp_path / 'page.png').stat().st_size > 0
