"""Figures of a run: a file each, and shown by the run's visualizer."""

from pathlib import Path
from typing import Any

from slan_mm.visualization.drawing import Canvas


def record_figure(runner: Any, canvas: Canvas, path: Path, name: str, step: int = 0) -> None:
    """Writes ``canvas`` to ``path`` and hands it to the runner's ``Visualizer``, whose backends show or keep it.

    Args:
        name: What TensorBoard, W&B and others call the picture.
        step: Iteration it belongs to.
    """
    runner.logger.info(f'figure: {canvas.save(path)}')
    try:
        runner.visualizer.add_image(name, canvas.pixels(), step)
    except Exception as error:  # a server's, of any kind: the figure is there, and the run must go on
        runner.logger.warning(f'figure {name} is not shown by the visualizer ({type(error).__name__}: {error})')
