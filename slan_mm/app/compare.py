"""Two models on the same picture and text."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from slan_mm.app.ground import ground, grounded_html
from slan_mm.app.messages import told
from slan_mm.app.models import AppModel


@told
def compare(models: Sequence[AppModel], picture: str | None, text: str) -> list[str]:
    """What each of ``models`` finds, as html under its name.

    Raises:
        AppError: See :func:`ground`.
    """
    return [f'<h3>{escape(model.name)}</h3>{"".join(grounded_html(ground(model, picture, text)))}' for model in models]
