"""Writes the page of a test's best, median and worst samples."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from mmengine.dist import all_gather_object, is_main_process
from mmengine.hooks import Hook
from mmengine.structures import BaseDataElement

from slan_mm.datasets.unreadable import UnreadableImageError
from slan_mm.registry import HOOKS
from slan_mm.visualization.collect import final_ranks, retrieval_queries, retrieval_tasks
from slan_mm.visualization.sample_cards import SampleCard, sample_card, score_captions
from slan_mm.visualization.sample_page import (
    Section,
    card_section,
    image_query_html,
    ranks_section,
    text_query_html,
    write_sample_page,
)


@HOOKS.register_module()
class SamplePageHook(Hook):
    """Writes ``samples.html``, one file with the best, the median and the worst samples of each task of a test.

    ``tools/test.py --show-dir DIR`` adds it. Samples are sorted by IoU (grounding), rank (retrieval), the official
    accuracy (VQA), CIDEr (captioning), the probability of the right answer (NLVR2) or AP50 (detection). With several
    ranks those of all are compared.

    Args:
        show_dir: Folder of the page.
        count: Samples for each of best, median and worst.
    """

    priority = 'LOW'

    def __init__(self, show_dir: str, count: int = 8) -> None:
        self.show_dir = show_dir
        self.count = count
        self._cards: list[tuple[str, SampleCard]] = []

    def before_test(self, runner: Any) -> None:
        self._cards = []

    def after_test_iter(
        self,
        runner: Any,
        batch_idx: int,
        data_batch: dict | tuple | list | None = None,
        outputs: Sequence | None = None,
    ) -> None:
        inputs = data_batch.get('inputs') if isinstance(data_batch, dict) else None
        task = getattr(runner.test_loop, 'task', '')
        for place, sample in enumerate(outputs or []):
            if isinstance(sample, BaseDataElement):
                card = sample_card(sample, None if inputs is None else inputs[place])
                if card is not None:
                    self._cards.append((task, card))

    def after_test_epoch(self, runner: Any, metrics: dict[str, float] | None = None) -> None:
        # A sample that a loader repeats, to fill the last batch of a rank, counts once.
        cards = {(task, card.name): card for part in all_gather_object(self._cards) for task, card in part}
        if not is_main_process():
            return
        by_task: dict[str, list[SampleCard]] = defaultdict(list)
        for (task, _), card in cards.items():
            by_task[task].append(card)
        for own in by_task.values():
            score_captions(own)
        sections = [card_section(task, own) for task, own in by_task.items()]
        sections += _retrieval_sections(runner)
        if sections:
            path = write_sample_page(
                Path(self.show_dir) / 'samples.html', 'Best, median and worst samples', sections, self.count
            )
            runner.logger.info(f'best, median and worst samples: {path}')


def _retrieval_sections(runner: Any) -> Iterator[Section]:
    for name, evaluator, dataset in retrieval_tasks(runner.test_loop):
        show = _Queries(runner, evaluator, dataset, name)
        yield ranks_section(name, 'text to picture', final_ranks(evaluator.t2i), show.texts)
        yield ranks_section(name, 'picture to text', final_ranks(evaluator.i2t), show.images)


class _Queries:
    """The queries of a retrieval task as html. Without a picture that a query needs it is left out, with a warning."""

    def __init__(self, runner: Any, evaluator: Any, dataset: Any, task: str) -> None:
        self.runner, self.evaluator, self.dataset, self.task = runner, evaluator, dataset, task
        self.ids = evaluator.gallery.image_ids

    def texts(self, places: Sequence[int]) -> list[str]:
        image_of = self.evaluator.gallery.text_image
        shown = [(place, query) for place in places for query in self._ask([place], [])[0]]
        return [text_query_html(query, self.ids[int(image_of[place])]) for place, query in shown]

    def images(self, places: Sequence[int]) -> list[str]:
        shown = [(place, query) for place in places for query in self._ask([], [place])[1]]
        return [image_query_html(query, self.ids[place]) for place, query in shown]

    def _ask(self, texts: Sequence[int], images: Sequence[int]) -> tuple[list, list]:
        try:
            return retrieval_queries(self.evaluator, self.dataset, texts, images)
        except (OSError, UnreadableImageError) as error:
            self.runner.logger.warning(f'a query of task {self.task} is not shown: {error}')
            return [], []
