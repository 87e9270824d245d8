"""Draws the two figures of docs/design.md: the model, and the walk of a training step through the files.

    python tools/analysis/draw_design.py

The model is the table ``MODEL`` below; the walk is that of a real training step (``inspecting/walk.py``). Both svg
files choose their colours by the reader's light or dark scheme.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple
from xml.sax.saxutils import escape

from inspecting.walk import Walk, files_of, returns, stages, visits, vocabulary_of, walk_of

from slan_mm.arguments import out_folder
from slan_mm.cli.errors import one_line_errors
from slan_mm.cli.options import option

ROOT = Path(__file__).parents[2]
CONFIG = 'configs/pretrain/slan_tiny_shapes.py'

STYLE = """
text { font: 13px system-ui, sans-serif; fill: #1f2328 }
.head { font-weight: 600 }
.note { font-size: 12px; fill: #57606a }
.code { font: 12px ui-monospace, monospace; fill: #57606a }
.page { fill: #ffffff }
.band { fill: #f3f5f8; stroke: #d0d7de }
.box { fill: #ffffff; stroke: #57606a }
.loss { fill: #fff3d6; stroke: #9a6700 }
.line { fill: none; stroke: #57606a; stroke-width: 1.5 }
.tip { fill: #57606a }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 }
  .note, .code { fill: #a6b0bb }
  .page { fill: #0d1117 }
  .band { fill: #161b22; stroke: #30363d }
  .box { fill: #0d1117; stroke: #8b949e }
  .loss { fill: #3a2d0b; stroke: #d29922 }
  .line { stroke: #8b949e }
  .tip { fill: #8b949e }
}
"""


class Box(NamedTuple):
    """A part of a stage: its class or function, its file below ``slan_mm``, and what it gives."""

    symbol: str
    file: str
    gives: str


class Stage(NamedTuple):
    """A line of ``SLAN.loss``: its title, its parts in order, its losses, and what it hands to the next stage."""

    title: str
    boxes: Sequence[Box]
    losses: Sequence[str]
    hands_on: str


IMAGE, TEXT, OBJECTIVES = 'models/image', 'models/text', 'models/objectives'
MODEL = (
    Stage(
        'Image branch: pictures (B, 3, H, W)',
        (
            Box('ImageEncoder', f'{IMAGE}/encoder.py', 'feature map V, levels'),
            Box('VisionDecoder', f'{IMAGE}/vision_decoder.py', 'pyramid F_1 ... F_L'),
            Box('RegionDetector', 'models/locator/detector.py', 'boxes G_0, saliency'),
            Box('ExactMeanPooling', 'models/locator/pooling.py', 'region features'),
        ),
        (),
        'ImageFeatures of B images: regions, boxes, pyramid, embedding',
    ),
    Stage(
        'Text branch: B texts',
        (Box('TextEncoder', f'{TEXT}/encoder.py', 'contextual and lexical words'),),
        (),
        'TextFeatures of B texts: words, word mask, embedding',
    ),
    Stage(
        'Contrast: every image with every text',
        (
            Box('ITCLoss', f'{OBJECTIVES}/contrastive.py', 'Eq. 5 and 6'),
            Box('RegionWordLoss', f'{OBJECTIVES}/contrastive.py', 'best region of each word'),
            Box('ScoreMixer', f'{OBJECTIVES}/score_mixer.py', 'one score of all terms'),
        ),
        ('L_itc', 'L_region_word'),
        'mixed scores of the B x B pairs: which negatives are hard',
    ),
    Stage(
        'Pairs of the step',
        (
            Box('mask_tokens', f'{OBJECTIVES}/word_masking.py', 'masked texts, encoded again'),
            Box('draw_negatives', f'{OBJECTIVES}/step_pairs.py', 'hard negatives'),
            Box('PairSampler', f'{OBJECTIVES}/step_pairs.py', 'B + B + 2B pairs'),
        ),
        (),
        'B positives, B with masked texts, 2B hard negatives',
    ),
    Stage(
        'Self-locator: where do the words of each pair point?',
        (
            Box('RegionFilter', 'models/locator/filter.py', 'regions that matter'),
            Box('BidirectionalAttention', 'models/locator/attention.py', 'Eq. 1, each level'),
            Box('MomentMove', 'models/locator/moves.py', 'Eq. 2, each level'),
            Box('RegionAdaptor', 'models/locator/adaptor.py', 'embeds from F_i again'),
        ),
        (),
        'Located: boxes G_0 ... G_L, regions, words, v_cls, t_cls',
    ),
    Stage(
        'Losses of the located pairs',
        (
            Box('ITMHead', f'{OBJECTIVES}/matching.py', 'Eq. 4'),
            Box('MaskedLMHead', f'{OBJECTIVES}/masked_lm.py', 'Eq. 7'),
            Box('ProgressiveRegressionLoss', f'{OBJECTIVES}/regression.py', 'Eq. 3'),
        ),
        ('L_itm', 'L_lm', 'L_reg', 'L_saliency'),
        '',
    ),
)


def text(x: float, y: float, value: str, kind: str = '', anchor: str = 'start') -> str:
    """A line of text; ``kind`` is its class in ``STYLE``."""
    return f'<text x="{x}" y="{y}" class="{kind}" text-anchor="{anchor}">{escape(value)}</text>'


def box(x: float, y: float, width: float, height: float, kind: str) -> str:
    """A rectangle with round corners."""
    return f'<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="5" class="{kind}"/>'


def line(*points: tuple[float, float]) -> str:
    """A line through ``points``."""
    return f'<polyline points="{" ".join(f"{x},{y}" for x, y in points)}" class="line"/>'


def arrow(*points: tuple[float, float]) -> str:
    """A line through ``points`` with a tip at the last one."""
    return line(*points).replace('/>', ' marker-end="url(#tip)"/>')


def page(width: int, height: int, title: str, parts: Sequence[str]) -> str:
    """The svg file; ``title`` is read to those who cannot see it."""
    tip = (
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        '<path d="M0,0 L8,4 L0,8 z" class="tip"/></marker></defs>'
    )
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" role="img">'
    title = f'<title>{escape(title)}</title>'
    return '\n'.join(
        [head, title, f'<style>{STYLE}</style>', tip, box(0, 0, width, height, 'page'), *parts, '</svg>\n']
    )


def model_figure() -> str:
    """The stages below each other, in the order of ``SLAN.loss``; losses run down the right side to their sum."""
    left, wide, height, gap = 30, 210, 98, 34
    right, width = left + 4 * (wide + 8) + 16, left + 4 * (wide + 8) + 170
    tops = [20 + number * (height + gap) for number in range(len(MODEL) + 1)]
    bus = width - 12
    parts = []
    for stage, y in zip(MODEL, tops, strict=False):
        parts += [box(left, y, right - left, height, 'band'), text(left + 12, y + 20, stage.title, 'head')]
        for number, (symbol, file, gives) in enumerate(stage.boxes):
            x = left + 12 + number * (wide + 8)
            parts += [
                box(x, y + 30, wide, 60, 'box'),
                text(x + 8, y + 47, symbol, 'head'),
                text(x + 8, y + 64, gives, 'note'),
                text(x + 8, y + 81, file.removeprefix('models/'), 'code'),
            ]
        if stage.hands_on:
            parts.append(text(left + 74, y + height + 21, stage.hands_on, 'note'))
        for number, loss in enumerate(stage.losses):
            place = y + 2 + number * 24
            parts += [
                arrow((right, place + 10), (right + 15, place + 10)),
                box(right + 16, place, 110, 20, 'loss'),
                text(right + 71, place + 15, loss, '', 'middle'),
                line((right + 126, place + 10), (bus, place + 10)),
            ]
    for y in tops[1 : len(MODEL) - 1]:
        parts.append(arrow((left + 60, y + height), (left + 60, y + height + gap)))
    # Images pass by the texts; both meet in the third stage.
    parts.append(arrow((left, tops[0] + 49), (12, tops[0] + 49), (12, tops[2] + 49), (left, tops[2] + 49)))
    first = next(y for stage, y in zip(MODEL, tops, strict=False) if stage.losses)
    parts += [
        arrow((bus, first + 12), (bus, tops[-1] - gap + 23)),
        box(bus - 380, tops[-1] - gap + 24, 388, 30, 'loss'),
        text(bus - 368, tops[-1] - gap + 44, 'Sum of the weighted losses (Eq. 8 and 9)', 'head'),
    ]
    return page(width, tops[-1] + 34, 'SLAN: the stages of a training step, their parts and losses', parts)


def step_figure(walk: Walk) -> str:
    """The files in the order in which the step enters them, each below and to the right of the file that calls it.

    A number stands where a stage begins; files of vocabulary are named last.
    """
    steps, found = visits(walk.calls), stages(walk)
    heads = {stage.files[0]: number for number, stage in reversed([*enumerate(found, start=1)])}
    depth: dict[str, int] = {}
    parts = [
        text(20, 30, 'From the inputs to the sum of the losses: files in the order of first entry', 'head'),
        text(20, 50, 'To the left: where a stage begins. To the right: what is read in the file first.', 'note'),
    ]
    files = files_of(walk.calls)
    for row, file in enumerate(files, start=1):
        step = next(step for step in steps if step.file == file)
        depth[file] = min(depth.get(step.caller, -1) + 1, 6)
        y, x = 48 + row * 25, 54 + depth[file] * 22
        functions = ', '.join(name.split('.<')[0] for name in step.functions[:2])
        if file in heads:
            parts.append(text(40, y + 15, str(heads[file]), 'head', 'end'))
        parts += [
            box(x, y, 350, 21, 'box'),
            text(x + 8, y + 15, file, 'code'),
            text(x + 362, y + 15, functions + (', ...' if len(step.functions) > 2 else ''), 'note'),
        ]
    y = 48 + (len(files) + 1) * 25 + 16
    back = returns(walk) or 'no'
    total = f'{len(files)} files in {len(found)} stages, {back} return{"" if back == 1 else "s"} to an earlier stage'
    parts.append(text(20, y, total, 'head'))
    parts.append(text(20, y + 22, f'Vocabulary of all parts: {", ".join(vocabulary_of(walk.calls))}', 'note'))
    return page(980, y + 40, 'The files that a training step enters, in order', parts)


@one_line_errors
def main(arguments: list[str] | None = None) -> None:
    """Writes both figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--out-dir', type=option(out_folder), default=ROOT / 'docs/images')
    folder = parser.parse_args(arguments).out_dir
    folder.mkdir(parents=True, exist_ok=True)
    for name, figure in (('model', model_figure()), ('training_step', step_figure(walk_of(ROOT, CONFIG)))):
        (folder / f'{name}.svg').write_text(figure, encoding='utf-8')
        print(f'{folder / name}.svg')


if __name__ == '__main__':
    main()
