"""Draws what the same captions find while the model learns (Figure 5)."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper

from slan_mm.registry import DATASETS, HOOKS
from slan_mm.visualization.comparison_figure import draw_panels
from slan_mm.visualization.locator_trace import trace_items
from slan_mm.visualization.paper_figures import ANSWER, GOLD, key_of, names_of, training_row
from slan_mm.visualization.run_figure import record_figure


@HOOKS.register_module()
class TrainingFramesHook(Hook):
    """Writes ``frames/iter_<n>.png`` at chosen moments of a training: fixed pictures, captions, and their regions.

    ``--cfg-options default_hooks.frames.type=TrainingFramesHook`` turns it on. Looking takes no random number and
    changes no weight: the training goes on as without it. With several ranks the first one draws. The run's visualizer
    gets each frame as ``frames``, with its iteration.
    ``tools/visualize.py training`` makes one page of several checkpoints.

    Args:
        at: Moments, as shares of the whole training; 0 is before the first iteration.
        indices: Items of the grounding data set.
        task: Which of the config's validation tasks has that data set.

    Raises:
        ValueError: A moment is not in [0, 1], or the config has no such task.
    """

    # After the checkpoint, which a frame that cannot be drawn must not take along.
    priority = 'LOWEST'

    def __init__(
        self,
        at: Sequence[float] = (0.0, 0.05, 0.1, 0.2, 0.5, 1.0),
        indices: Sequence[int] = (0, 1, 2, 3),
        task: str = 'grounding',
    ) -> None:
        if not at or not all(0 <= share <= 1 for share in at):
            raise ValueError(f'at must be shares of the training in [0, 1], got {list(at)}')
        self.at = sorted(at)
        self.indices = list(indices)
        self.task = task
        self._dataset: Any = None

    def before_train(self, runner: Any) -> None:
        if runner.iter == 0 and self.at[0] == 0:
            self._draw(runner, 0)

    def after_train_iter(
        self,
        runner: Any,
        batch_idx: int,
        data_batch: dict | tuple | list | None = None,
        outputs: dict | None = None,
    ) -> None:
        done = runner.iter + 1
        if done in {round(share * runner.max_iters) for share in self.at}:
            self._draw(runner, done)

    def _draw(self, runner: Any, done: int) -> None:
        if not is_main_process():
            return
        if self._dataset is None:
            tasks = runner.cfg.get('val_dataloader') or runner.cfg.get('test_dataloader') or {}
            if self.task not in tasks:
                raise ValueError(f'TrainingFramesHook: the config has no task {self.task!r} but {sorted(tasks)}')
            self._dataset = DATASETS.build(tasks[self.task].dataset)
        model = runner.model.module if is_model_wrapper(runner.model) else runner.model
        traces = trace_items(model, [self._dataset[index] for index in self.indices])
        share = done / runner.max_iters
        canvas = draw_panels(
            [training_row([look], ['']) for look in traces],
            f'{share:.2f} of the training',
            f'Iteration {done} of {runner.max_iters}. Of {self.task}, by their place in the data: {names_of(traces)}.',
            key_of([ANSWER, GOLD], traces),
            panel_width=220.0,
        )
        path = Path(runner.work_dir) / 'frames' / f'iter_{done:06d}.png'
        record_figure(runner, canvas, path, 'frames', step=done)
