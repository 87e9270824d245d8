"""Draws the paper's figures from a config and a checkpoint, as png.

    python tools/visualize.py levels CONFIG CHECKPOINT                      Figure 6: regions and scores level by level
    python tools/visualize.py filter CONFIG CHECKPOINT                      Figure 7: before and after the region filter
    python tools/visualize.py texts CONFIG CHECKPOINT                       Figure 4: regions follow the text
    python tools/visualize.py activation CONFIG CHECKPOINT                  Figure 1 (a): word-activation maps
    python tools/visualize.py grounding CONFIG CHECKPOINT                   Figure 9: beside gold and baseline boxes
    python tools/visualize.py retrieval CONFIG CHECKPOINT                   Figure 8: five best pictures, gold framed
    python tools/visualize.py training CONFIG EARLY.pth LATER.pth LAST.pth  Figure 5: the same captions over training
    python tools/visualize.py all CONFIG CHECKPOINT                         all of one checkpoint

Pictures are the first ones of the config's grounding test data; ``--indices`` names others, ``--order best`` or
``worst`` sorts all of them by the IoU of their answers, and the page says so. ``--picture FILE --text 'a [dog] on
[grass]'`` draws your own picture instead; several ``--text`` are drawn one by one, in figure ``texts`` side by side.
Without brackets the noun phrases are found. ``all`` draws what it can and says what it left out, and why.
"""

import argparse
import sys
from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path

from slan_mm.arguments import out_folder, whole
from slan_mm.cli.errors import one_line_errors
from slan_mm.cli.options import ModelParser, add_model, add_settings, option, positive

#: Figures of one checkpoint whose rows are one picture each; FIGURES has the rest about them.
OF_ONE_LOOK = ('levels', 'filter', 'activation', 'grounding')


def parse_options(arguments: list[str] | None = None) -> argparse.Namespace:
    """The command line's options."""
    parser = ModelParser(description="Draws the paper's figures from a config and a checkpoint.")
    parser.add_argument('figure', choices=['all', *OF_ONE_LOOK, 'texts', 'retrieval', 'training'], help='what to draw')
    add_model(parser, several=True)
    parser.add_argument(
        '--out-dir',
        type=option(out_folder),
        help='folder of the pages (default: work_dirs/figures/<config>, in it one for each picture of --picture)',
    )
    parser.add_argument('--task', default='grounding', help='the test task whose pictures are drawn')
    parser.add_argument('--indices', type=option(whole(0)), nargs='+', help='items of its data set')
    parser.add_argument('--count', type=positive, default=4, help='pictures, or queries of the retrieval')
    parser.add_argument('--order', choices=['data', 'best', 'worst'], default='data', help='which pictures come first')
    parser.add_argument('--picture', help='a picture of your own')
    parser.add_argument('--text', action='append', help='what it shows; [ and ] mark phrases; may be given again')
    parser.add_argument('--device', help="'cpu' or 'cuda' (default: a GPU if there is one)")
    add_settings(parser)
    options = parser.parse_args(arguments)
    options.checkpoints = [options.checkpoint, *options.later]
    if bool(options.picture) != bool(options.text):
        parser.error('--picture and --text go together')
    if options.picture and options.figure in ('retrieval', 'training'):
        parser.error(f'figure {options.figure} is of a data set: leave --picture out')
    if len(options.checkpoints) > 1 and options.figure != 'training':
        parser.error(f'figure {options.figure} is of one checkpoint, {len(options.checkpoints)} are given')
    if options.out_dir is None:
        options.out_dir = Path('work_dirs/figures') / Path(options.config).stem
        if options.picture:
            options.out_dir /= Path(options.picture).stem
    return options


if __name__ == '__main__':
    parse_options()  # --help and mistakes are answered before the imports below, which take seconds

from mmengine.config import Config
from mmengine.runner import Runner

from slan_mm.apis import GroundingInferencer, RetrievalInferencer
from slan_mm.applied_config import without_cached_pictures
from slan_mm.config import read_config
from slan_mm.engine.checkpoint_io import find_checkpoint
from slan_mm.engine.smoke import make_smoke_run
from slan_mm.environment import smoke_asked_for
from slan_mm.home_folder import expanded
from slan_mm.own_files import claim
from slan_mm.registry import DATASETS, EVALUATOR
from slan_mm.visualization import (
    Canvas,
    LocatorTrace,
    PanelRow,
    draw_panels,
    draw_retrieval,
    spread_queries,
    trace_items,
)
from slan_mm.visualization.page_layout import KeyEntry
from slan_mm.visualization.paper_figures import (
    ANSWER,
    BASELINE,
    GOLD,
    KEPT,
    MAP_GOLD,
    activation_row,
    baseline_row,
    filter_row,
    key_of,
    level_row,
    names_of,
    text_specific_row,
    training_row,
)

#: What is told in a line.
MISTAKES = (ValueError, RuntimeError, OSError, ImportError)
#: Of each figure that traces at one checkpoint: a picture's row, the title, and the key.
FIGURES: dict[str, tuple[Callable[[LocatorTrace], PanelRow], str, list[KeyEntry]]] = {
    'levels': (level_row, 'Regions level by level', [ANSWER, GOLD]),
    'filter': (filter_row, 'Regions before and after the filter', []),
    'activation': (activation_row, 'Where words respond', [MAP_GOLD]),
    'grounding': (baseline_row, 'Phrases, their regions, and baselines', [ANSWER, GOLD, BASELINE]),
}


class Painter:
    """One model and the pictures that it is asked for."""

    def __init__(self, options: argparse.Namespace, cfg: Config, checkpoint: str) -> None:
        self.options = options
        self.cfg = cfg
        # Strict loading, the pictures' size and pipeline: as for inference.
        self.inferencer = GroundingInferencer(cfg, checkpoint, options.device, show_progress=False)
        self.model = self.inferencer.model

    def own(self, text: str) -> dict:
        """The item of ``--picture`` with one of its texts."""
        (item,) = self.inferencer.prepare(self.options.picture, text)
        return self.inferencer.pipeline(item)

    def dataset(self, task: str) -> object:
        """The test data of a task; the pictures themselves where the config takes stored features."""
        return DATASETS.build(without_cached_pictures(self.cfg.test_dataloader[task].dataset))

    @cached_property
    def chosen(self) -> tuple[list[dict], str]:
        """What is drawn, and how it was chosen."""
        options = self.options
        if options.picture:
            return [self.own(text) for text in options.text], 'Picture'
        dataset = self.dataset(options.task)
        wanted = options.indices or range(len(dataset))
        if max(wanted, default=0) >= len(dataset):
            raise ValueError(f'--indices: the data of task {options.task!r} have {len(dataset)} items, 0 is the first')
        if options.order == 'data':
            how = 'Chosen' if options.indices else 'The first of the test data, not selected'
            return [dataset[index] for index in (options.indices or wanted[: options.count])], how
        scored = [(look.mean_overlap, index) for index in wanted for look in trace_items(self.model, [dataset[index]])]
        known = sorted(pair for pair in scored if pair[0] is not None)
        chosen = (known[::-1] if options.order == 'best' else known)[: options.count]
        how = f'The {len(chosen)} {options.order} of {len(known)} pictures by the mean IoU of their answers'
        return [dataset[index] for _, index in chosen], how

    @cached_property
    def traces(self) -> list[LocatorTrace]:
        """What the model makes of these."""
        return trace_items(self.model, self.chosen[0])

    @property
    def said(self) -> str:
        """How the pictures were chosen, and which they are."""
        return f'{self.chosen[1]}: {names_of(self.traces)}.'

    def texts(self) -> tuple[list[PanelRow], str]:
        """Figure 4: of an own picture its texts, of a data set each phrase of the caption as a text of its own."""
        if self.options.picture:
            return [text_specific_row(self.traces)], self.said
        rows = []
        for item in self.chosen[0]:
            traces = trace_items(self.model, [item, *map(alone(item), range(len(item['data_samples'].phrases)))])
            rows.append(text_specific_row(traces))
        return rows, f'{self.said} The caption, then each of its phrases alone.'

    def retrieval(self) -> Canvas:
        """Figure 8."""
        loader_cfg = self.cfg.test_dataloader['retrieval'].copy()
        loader_cfg['dataset'] = without_cached_pictures(loader_cfg['dataset'])
        loader = Runner.build_dataloader(loader_cfg)
        evaluator = EVALUATOR.build(self.cfg.test_evaluator['retrieval'])
        evaluator.run(self.model, loader)
        queries, _ = spread_queries(evaluator, loader.dataset, self.options.count, 5)
        gallery = evaluator.gallery
        title = f'The five best of {len(gallery.image_ids)} pictures'
        return draw_retrieval(queries, [], title, 'Queries are spread evenly over the test data, not selected.')


def alone(item: dict) -> Callable[[int], dict]:
    """From the number of a phrase to ``item`` with nothing but that phrase as its text."""

    def build(number: int) -> dict:
        sample = item['data_samples'].clone()
        phrase = sample.phrases[number]
        words = ' '.join(sample.text[start:end] for start, end in phrase['spans'])
        sample.set_field(words, 'text')
        sample.set_field([{**phrase, 'spans': [[0, len(words)]]}], 'phrases')
        return {**item, 'data_samples': sample}

    return build


def draw_training(options: argparse.Namespace, cfg: Config) -> Canvas:
    """Figure 5, from checkpoints in the order given."""
    painters = [Painter(options, cfg, checkpoint) for checkpoint in options.checkpoints]
    names = [find_checkpoint(checkpoint).stem for checkpoint in options.checkpoints]
    first = painters[0]
    traces = [trace_items(painter.model, first.chosen[0]) for painter in painters]
    rows = [training_row(row, names) for row in zip(*traces, strict=True)]
    return draw_panels(rows, 'The same captions over training', first.said, key_of([ANSWER, GOLD], first.traces))


def draw(painter: Painter, name: str) -> Canvas:
    """The page of a figure of one checkpoint."""
    if name == 'retrieval':
        return painter.retrieval()
    if name == 'texts':
        rows, said = painter.texts()
        return draw_panels(rows, 'Regions follow the text', said, [ANSWER, KEPT])
    row_of, title, key = FIGURES[name]
    return draw_panels([row_of(look) for look in painter.traces], title, painter.said, key_of(key, painter.traces))


def lacking(options: argparse.Namespace, cfg: Config, name: str) -> str | None:
    """Why a figure cannot be drawn, as far as the config tells; None where it tells nothing."""
    if name == 'retrieval':
        if options.picture:
            return 'it is of a data set, not of one picture'
        try:
            RetrievalInferencer.check_model(cfg, options.checkpoints[0])
        except ValueError as error:
            return str(error)
    task = 'retrieval' if name == 'retrieval' else options.task
    loaders = cfg.get('test_dataloader') or {}
    # The data of a detector are of one task that has no name.
    tasks = sorted(task for task, loader in loaders.items() if loader) if 'dataset' not in loaders else []
    if options.picture or task in tasks:
        return None
    return f'{options.config} has no test task {task!r} but {tasks}; or give --picture and --text'


def page_of(name: str) -> str:
    """The file of a figure's page."""
    return f'{name}.png'


def pages(options: argparse.Namespace) -> Iterator[tuple[str, Canvas | str]]:
    """The pages asked for, by name; or why one of several is left out.

    Raises:
        ValueError, ...: The only one, or all, cannot be drawn.
    """
    cfg = read_config(options.config, options.cfg_options)
    if smoke_asked_for():
        make_smoke_run(cfg)
    for checkpoint in options.checkpoints:
        GroundingInferencer.check_model(cfg, checkpoint)
    if options.picture and expanded(options.picture).is_dir():
        raise ValueError(f'--picture takes one picture, and {options.picture} is a folder')
    for text in options.text or []:
        GroundingInferencer.check_call(options.picture, text)
    wanted = [*FIGURES, 'texts', 'retrieval'] if options.figure == 'all' else [options.figure]
    reasons = {name: why for name in wanted if (why := lacking(options, cfg, name))}
    if len(reasons) == len(wanted):
        raise ValueError('; '.join(dict.fromkeys(reasons.values())))
    claim(options.out_dir, [page_of(name) for name in wanted if name not in reasons], 'figures')
    yield from reasons.items()
    if options.figure == 'training':
        yield 'training', draw_training(options, cfg)
        return
    painter = Painter(options, cfg, options.checkpoints[0])
    for name in wanted:
        if name in reasons:
            continue
        try:
            yield name, draw(painter, name)
        except MISTAKES as error:
            if options.figure != 'all':
                raise
            yield name, str(error)


@one_line_errors
def main(arguments: list[str] | None = None) -> None:
    """Draws, and says where and what is left out.

    Raises:
        SystemExit: No page could be drawn.
    """
    options = parse_options(arguments)
    drawn, left_out = 0, {}
    for name, page in pages(options):
        if isinstance(page, str):
            left_out.setdefault(page, []).append(name)
        else:
            print(page.save(options.out_dir / page_of(name)))
            drawn += 1
    for why, names in left_out.items():
        print(f'left out: {", ".join(names)}: {why}')
    if not drawn:
        sys.exit('visualize: nothing could be drawn')


if __name__ == '__main__':
    main()
