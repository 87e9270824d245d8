"""What a training on own pictures has learned, in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

#: Regions are trusted from this many held-out pictures on, a tenth of 5,000: of the photographs whose boxes were
#: looked at, those of 200 were wrong and those of 6,000 right (docs/own_data.md, docs/results.md).
FEWEST_PICTURES = 500
#: ... and where region-word terms alone reach this share of ITC's R@1 from text to picture.
SHARE_OF_ITC = 0.5
#: A R@1 below this multiple of chance is little.
LITTLE = 3.0


@dataclass(frozen=True)
class Validation:
    """A validation that has chosen the weights of the final score.

    - ``iteration``: after how many it was.
    - ``metrics``: of ``RetrievalEvaluator(choose_weights=True)``, without its ``prefix``: 'itc/i2t_R1', ...; those of
      the final score are '/i2t_R1', ..., which are missing where ITM was left out.
    - ``images``, ``texts``: how many it was judged by.
    """

    iteration: int
    metrics: Mapping[str, float]
    images: int
    texts: int

    @property
    def mean_recall(self) -> float:
        """Mean of the six recalls of the final score."""
        return self.metrics['/mean_recall']

    def recalls(self, part: str) -> tuple[float, float]:
        """R@1 from picture to text and from text to picture; ``part`` is '', '_shortlist', '_itc' or '_region_word'."""
        if f'{part}/i2t_R1' not in self.metrics:
            part = '_shortlist'
        return self.metrics[f'{part}/i2t_R1'], self.metrics[f'{part}/t2i_R1']


def regions_trusted(best: Validation) -> tuple[bool, str]:
    """Whether words point at the right regions, judged by retrieval, and why or why not.

    No box is known. But if words point at the right objects, words alone find the right image. So region-word terms
    alone must reach ``SHARE_OF_ITC`` of ITC's R@1 from text to image, on at least ``FEWEST_PICTURES`` held-out images,
    and the search must have given them a weight.
    """
    words, itc = best.recalls('_region_word')[1], best.recalls('_itc')[1]
    if best.images < FEWEST_PICTURES:
        return False, f'{best.images} held-out images are too few to decide (at least {FEWEST_PICTURES})'
    if words < SHARE_OF_ITC * itc:
        return False, f'words alone find {words:.1f} percent of the images, less than half as many as ITC'
    if not best.metrics['_weights/region_word']:
        return False, 'the region-word terms did not help retrieval'
    return True, f'words alone find {words:.1f} percent of the images, at least half as many as ITC'


def learning_report(
    start: Validation | None, best: Validation, iterations: int, max_iterations: int, next_command: str
) -> str:
    """The report at the end of a training.

    Args:
        start: The validation before the first iteration, where there was one.
        best: The one whose checkpoint is kept.
        iterations, max_iterations: How many were trained, and how many would have been.
        next_command: What to run now.
    """
    final, itc, shortlist = best.recalls(''), best.recalls('_itc'), best.recalls('_shortlist')
    chance = 100 / best.images
    ended = f', stopped early after {iterations}' if iterations < max_iterations else ''
    lines = [
        f'What was learned, measured on {best.images} held-out images with {best.texts} captions. R@1 in percent, '
        f'image -> text / text -> image; chance is about {chance:.1f}.',
        *([f'  before training:  {_pair(start.recalls(""))}'] if start else []),
        f'  after:            {_pair(final)}  (the best validation, at iteration {best.iteration} of '
        f'{max_iterations}{ended})',
        f'  ITC alone:        {_pair(itc)}',
        _term('region-word terms', best.metrics['_weights/region_word'], itc, shortlist),
        _term('ITM', best.metrics['_weights/itm'], shortlist, final),
    ]
    if start is not None and best.iteration == start.iteration:
        lines.append(
            '  Training did not improve the model: the model before training is kept. Lower the learning rate.'
        )
    elif final[1] < LITTLE * chance:
        lines.append('  This is little more than chance: check that the captions belong to their images; add images.')
    trusted, reason = regions_trusted(best)
    lines += [
        f'  Regions {"can" if trusted else "cannot"} be trusted{"" if trusted else " yet"}: {reason}.',
        '  The checkpoint and the weights were chosen on these images: expect less on others. A split test in your '
        'table gives a fairer result.',
        f'Next: {next_command}',
    ]
    return '\n'.join(lines)


def _pair(recalls: tuple[float, float]) -> str:
    return ' / '.join(f'{value:.1f}' for value in recalls)


def _term(name: str, weight: float, before: tuple[float, float], after: tuple[float, float]) -> str:
    if not weight:
        return f'  {name}: left out, no tested weight helps without lowering a score.'
    added = ' / '.join(f'{new - old:+.1f}' for old, new in zip(before, after, strict=True))
    return f'  {name}: {added}, with weight {weight:g}'
