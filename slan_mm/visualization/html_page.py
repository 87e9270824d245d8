"""A page as one html file: nothing is fetched, it is readable in light and dark and on a phone."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from importlib.resources import files
from pathlib import Path

from slan_mm.atomic_files import replaced_atomically


def _style(name: str) -> str:
    return (files('slan_mm.visualization') / name).read_text(encoding='utf-8')


#: How :mod:`slan_mm.visualization.html` looks; for a page of whatever kind.
ANSWERS_STYLE = _style('answers.css')


def page_html(title: str, parts: Iterable[str]) -> str:
    """A page of ``parts``, which are html, under its title."""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<title>{escape(title)}</title><style>{ANSWERS_STYLE}{_style("page.css")}</style></head>\n'
        f'<body><main><h1>{escape(title)}</h1>\n' + '\n'.join(parts) + '\n</main></body></html>\n'
    )


def write_page(path: Path, title: str, parts: Iterable[str]) -> Path:
    """Writes :func:`page_html`, whole or not at all, and returns ``path``."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with replaced_atomically(path) as temporary:
        temporary.write_text(page_html(title, parts), encoding='utf-8')
    return path
