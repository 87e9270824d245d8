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
"""

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from mmengine.config import Config, DictAction
from mmengine.runner import Runner

from slan_mm.apis import GroundingInferencer, read_marked_text
from slan_mm.apis.base import picture_items
from slan_mm.apis.settings import without_cached_pictures
from slan_mm.engine.checkpoint_io import find_checkpoint
from slan_mm.registry import DATASETS, EVALUATOR
from slan_mm.visualization import Canvas, Look, PanelRow, draw_panels, draw_retrieval, look_at, retrieval_queries
from slan_mm.visualization.canvas import GREY
from slan_mm.visualization.page import DASHES, KeyEntry
from slan_mm.visualization.paper_figures import (
    ANSWER,
    BASELINE,
    GOLD,
    KEPT,
    activation_row,
    baseline_row,
    filter_row,
    level_row,
    saliency_color,
    text_specific_row,
    training_row,
)

#: Of each figure that looks at one checkpoint: a picture's row, the title, and the key.
FIGURES: dict[str, tuple[Callable[[Look], PanelRow], str, list[KeyEntry]]] = {
    'levels': (level_row, 'Regions level by level', [ANSWER, GOLD]),
    'filter': (
        filter_row,
        'Regions before and after the filter',
        [KeyEntry('most salient', color=saliency_color(1), linewidth=2.3), KeyEntry('least', color=saliency_color(0))],
    ),
    'activation': (activation_row, 'Where words respond', [KeyEntry(GOLD.label, DASHES, 1.3, GREY)]),
    'grounding': (baseline_row, 'Phrases, their regions, and baselines', [ANSWER, GOLD, BASELINE]),
}


def parse_options(arguments: list[str] | None = None) -> argparse.Namespace:
    """The command line's options."""
    parser = argparse.ArgumentParser(description="Draws the paper's figures from a config and a checkpoint.")
    parser.add_argument('figure', choices=['all', *FIGURES, 'texts', 'retrieval', 'training'], help='what to draw')
    parser.add_argument('config', help='config file of the model')
    parser.add_argument(
        'checkpoints',
        nargs='+',
        metavar='checkpoint',
        help='its weights: .pth, .safetensors, or the work directory of its training',
    )
    parser.add_argument('--out-dir', default='figures', help='folder of the pages (default: figures)')
    parser.add_argument('--task', default='grounding', help='the test task whose pictures are drawn')
    parser.add_argument('--indices', type=int, nargs='+', help='items of its data set')
    parser.add_argument('--count', type=int, default=4, help='pictures, or queries of the retrieval')
    parser.add_argument('--order', choices=['data', 'best', 'worst'], default='data', help='which pictures come first')
    parser.add_argument('--picture', help='a picture of your own')
    parser.add_argument('--text', action='append', help='what it shows; [ and ] mark phrases; may be given again')
    parser.add_argument('--device', help="'cpu' or 'cuda' (default: a GPU where there is one)")
    parser.add_argument('--cfg-options', nargs='+', action=DictAction, help='settings that override the config')
    options = parser.parse_args(arguments)
    if bool(options.picture) != bool(options.text):
        parser.error('--picture and --text go together')
    if options.picture and options.figure in ('retrieval', 'training'):
        parser.error(f'figure {options.figure} is of a data set: leave --picture out')
    if len(options.checkpoints) > 1 and options.figure != 'training':
        parser.error(f'figure {options.figure} is of one checkpoint, {len(options.checkpoints)} are given')
    return options


class Painter:
    """One model and the pictures that it is asked for."""

    def __init__(self, options: argparse.Namespace, checkpoint: str) -> None:
        self.options = options
        self.cfg = Config.fromfile(options.config)
        self.cfg.merge_from_dict(options.cfg_options or {})
        # Strict loading, the pictures' size and pipeline: as for inference.
        self.inferencer = GroundingInferencer(self.cfg, checkpoint, options.device, show_progress=False)
        self.model = self.inferencer.model

    def own(self, text: str) -> dict:
        """The item of ``--picture`` with one of its texts."""
        marked = read_marked_text(text)
        (item,) = picture_items([self.options.picture])
        phrases = [dict(spans=spans, boxes=[], category=None, phrase_id='') for spans in marked.spans]
        return self.inferencer.pipeline({**item, 'text': marked.text, 'phrases': phrases})

    def dataset(self, task: str) -> object:
        """The test data of a task; the pictures themselves where the config takes stored features."""
        tasks = self.cfg.get('test_dataloader') or {}
        if task not in tasks:
            raise ValueError(f'{self.options.config} has no test task {task!r} but {sorted(tasks)}')
        return DATASETS.build(without_cached_pictures(tasks[task].dataset))

    def items(self) -> tuple[list[dict], str]:
        """What is drawn, and how it was chosen."""
        options = self.options
        if options.picture:
            return [self.own(text) for text in options.text], f'Picture {Path(options.picture).name}.'
        dataset = self.dataset(options.task)
        if options.order == 'data':
            indices = options.indices or list(range(min(options.count, len(dataset))))
            return [dataset[index] for index in indices], f'Pictures {indices} of the test data, not selected.'
        wanted = options.indices or range(len(dataset))
        scored = [(look.mean_overlap, index) for index in wanted for look in look_at(self.model, [dataset[index]])]
        known = sorted(pair for pair in scored if pair[0] is not None)
        chosen = (known[::-1] if options.order == 'best' else known)[: options.count]
        said = f'The {len(chosen)} {options.order} of {len(known)} pictures by the mean IoU of their answers.'
        return [dataset[index] for _, index in chosen], said

    def texts(self) -> tuple[list[PanelRow], str]:
        """Figure 4: of an own picture its texts, of a data set each phrase of the caption as a text of its own."""
        items, said = self.items()
        if self.options.picture:
            return [text_specific_row(look_at(self.model, items))], said
        rows = []
        for item in items:
            looks = look_at(self.model, [item, *map(alone(item), range(len(item['data_samples'].phrases)))])
            rows.append(text_specific_row(looks))
        return rows, f'{said} The caption, then each of its phrases alone.'

    def retrieval(self) -> Canvas:
        """Figure 8."""
        loader_cfg = self.cfg.test_dataloader['retrieval'].copy()
        loader_cfg['dataset'] = without_cached_pictures(loader_cfg['dataset'])
        loader = Runner.build_dataloader(loader_cfg)
        evaluator = EVALUATOR.build(self.cfg.test_evaluator['retrieval'])
        evaluator.run(self.model, loader)
        queries, _ = retrieval_queries(evaluator, loader.dataset, self.options.count, 5)
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


def draw_training(options: argparse.Namespace) -> Canvas:
    """Figure 5, from checkpoints in the order given."""
    looks: list[list[Look]] = []
    for checkpoint in options.checkpoints:
        painter = Painter(options, checkpoint)
        items, said = painter.items()
        looks.append(look_at(painter.model, items))
    names = [find_checkpoint(checkpoint).stem for checkpoint in options.checkpoints]
    rows = [training_row(row, names) for row in zip(*looks, strict=True)]
    return draw_panels(rows, 'The same captions over training', said, [ANSWER, GOLD])


def draw(options: argparse.Namespace) -> Iterator[tuple[str, Canvas]]:
    """The pages asked for, by name."""
    if options.figure == 'training':
        yield 'training', draw_training(options)
        return
    painter = Painter(options, options.checkpoints[0])
    wanted: Sequence[str] = [*FIGURES, 'texts', 'retrieval'] if options.figure == 'all' else [options.figure]
    for name in wanted:
        if name == 'retrieval':
            # `all` of an own picture, or of data without retrieval, has none.
            if options.figure == 'all' and (options.picture or 'retrieval' not in (painter.cfg.test_dataloader or {})):
                continue
            yield name, painter.retrieval()
        elif name == 'texts':
            rows, said = painter.texts()
            yield name, draw_panels(rows, 'Regions follow the text', said, [ANSWER, KEPT])
        else:
            row_of, title, key = FIGURES[name]
            items, said = painter.items()
            yield name, draw_panels([row_of(look) for look in look_at(painter.model, items)], title, said, key)


def main(arguments: list[str] | None = None) -> None:
    """Draws and says where."""
    options = parse_options(arguments)
    try:
        for name, canvas in draw(options):
            print(canvas.save(Path(options.out_dir) / f'{name}.png'))
    except (ValueError, RuntimeError, OSError, ImportError) as error:
        sys.exit(f'visualize: {error}')


if __name__ == '__main__':
    main()
