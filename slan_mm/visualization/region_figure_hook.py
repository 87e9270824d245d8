"""Draws what a test predicted."""

from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.structures import BaseDataElement

from slan_mm.datasets.unreadable import UnreadableImageError
from slan_mm.registry import HOOKS
from slan_mm.visualization.collect import drawn_pictures, retrieval_tasks, spread_queries
from slan_mm.visualization.drawing import Canvas
from slan_mm.visualization.records import DrawnPicture
from slan_mm.visualization.region_figure import draw_regions
from slan_mm.visualization.retrieval_figure import draw_retrieval
from slan_mm.visualization.run_figure import record_figure


@HOOKS.register_module()
class RegionFigureHook(Hook):
    """Writes figures of a test: ``regions.png`` (phrases and their boxes) and ``retrieval.png`` (queries and answers).

    ``tools/test.py --show-dir DIR`` turns it on. The first pictures of the grounding task are drawn, not chosen ones;
    further pages are ``regions_2.png`` and so on. Several retrieval tasks give ``retrieval_<task>.png`` each. The run's
    visualizer gets the pages too, by the files' names. With several ranks the first one draws what it evaluated.

    Args:
        draw: Whether to draw at all.
        show_dir: Folder of the figures; None: ``figures`` in the work directory.
        max_pictures: Grounded pictures drawn.
        per_figure: Of these, in one file.
        queries: Retrieval queries drawn each way.
    """

    priority = 'LOW'

    def __init__(
        self,
        draw: bool = False,
        show_dir: str | None = None,
        max_pictures: int = 24,
        per_figure: int = 12,
        queries: int = 6,
    ) -> None:
        self.draw = draw
        self.show_dir = show_dir
        self.max_pictures = max_pictures
        self.per_figure = per_figure
        self.queries = queries
        self._pictures: list[DrawnPicture] = []

    def before_test(self, runner: Any) -> None:
        self._pictures = []

    def after_test_iter(
        self,
        runner: Any,
        batch_idx: int,
        data_batch: dict | tuple | list | None = None,
        outputs: Sequence | None = None,
    ) -> None:
        wanted = self.max_pictures - len(self._pictures)
        if not self.draw or wanted <= 0 or not is_main_process() or not isinstance(data_batch, dict):
            return
        outputs = [] if outputs is None else outputs
        grounded = [
            (sample, inputs)
            for sample, inputs in zip(outputs, data_batch['inputs'], strict=False)
            if isinstance(sample, BaseDataElement) and sample.get('pred_phrases')
        ][:wanted]
        self._pictures += drawn_pictures([s for s, _ in grounded], [inputs for _, inputs in grounded])

    def after_test_epoch(self, runner: Any, metrics: dict[str, float] | None = None) -> None:
        if not self.draw or not is_main_process():
            return
        folder = Path(self.show_dir or Path(runner.work_dir) / 'figures')
        for name, canvas in chain(self._draw_regions(), self._draw_retrieval(runner)):
            record_figure(runner, canvas, folder / f'{name}.png', name)

    def _draw_regions(self) -> Iterator[tuple[str, Canvas]]:
        for first in range(0, len(self._pictures), self.per_figure):
            page = first // self.per_figure + 1
            part = self._pictures[first : first + self.per_figure]
            canvas = draw_regions(
                part,
                'Phrases and the regions the model finds for them',
                f'Pictures {first + 1} to {first + len(part)} of the test data, not selected.',
            )
            yield 'regions' if page == 1 else f'regions_{page}', canvas

    def _draw_retrieval(self, runner: Any) -> Iterator[tuple[str, Canvas]]:
        ran = retrieval_tasks(runner.test_loop)
        for name, evaluator, dataset in ran:
            try:
                texts, images = spread_queries(evaluator, dataset, self.queries)
            except (OSError, UnreadableImageError) as error:
                # The metrics are there; a missing picture file must not take them along.
                runner.logger.warning(f'retrieval of task {name} is not drawn: {error}')
                continue
            gallery = evaluator.gallery
            canvas = draw_retrieval(
                texts,
                images,
                f'Found among {len(gallery.image_ids)} pictures and {len(gallery.texts)} texts',
                'Queries are spread evenly over the test data, not selected. Green: gold.',
            )
            yield 'retrieval' if len(ran) == 1 else f'retrieval_{name}', canvas
