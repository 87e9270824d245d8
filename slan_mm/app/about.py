"""What the app is, and what its scores mean."""

from __future__ import annotations

from slan_mm.app.models import AppModel
from slan_mm.app.pictures import MAX_BYTES
from slan_mm.app.tasks import TASKS
from slan_mm.datasets.transforms.load_image import MAX_PIXELS

_PRESENT = """\
- **present** of a phrase (Ground, Compare). The probability that the thing is in the picture at all. It was fitted on
  held-out pictures, of which each phrase was asked once where it is named and once where it is not: half of the things
  were there. Where fewer are, as in a large collection, it is too high. A low value does not take the box away.
"""

_SCORES = f"""\
- **A box of a phrase** (Ground, Compare, and under each picture of Search). It ranks the regions of *one* picture for
  *one* phrase. It is the mean over the phrase's words of the sum of their cosines with the region, in each region-word
  space; at most 2. It is **no probability** that the thing is there: every phrase gets a best box, also in a picture
  that has no such thing. A model fine-tuned on boxes gives the probability that the box is right, of things that are
  there; one that `tools/calibrate.py` has written tells whether a thing is there.
- **score** of a picture found. It compares the pictures of one search and means nothing alone.
- **match** of a picture found. The probability, by the image-text matching head, that text and picture belong
  together. It was trained with as many hard wrong pairs as right ones, and is no frequency in a larger collection.
- **log-probability** of a caption or an answer. 0 is certainty. It tells how likely the words are to the model, not
  whether they are true.
- **probability of true**. Half of the sentences in training were true.
- **A class' box**. After fine-tuning on boxes, the probability that the box is one of that class.

### Levels and maps

Level 0 has the regions as the detector proposes them, before any adaptor. Each level moves them by the words of the
text. An **activation map** shows where one word responds, between dark (least) and bright (most). Each map has a scale
of its own, so that two maps cannot be compared by their colours.

### Limits

Files up to {MAX_BYTES // 1024**2} MB and {MAX_PIXELS // 10**6} million pixels. One question is answered at a time;
others wait in a queue. Pictures that you give are deleted after an hour. Nothing is sent to another machine.
"""


def about(model: AppModel, shipped: bool) -> str:
    """The text of the page, in Markdown; ``shipped``: whether the model is the one that comes with the package."""
    known = 'grounding', 'search', *TASKS
    can = ', '.join(name for name in known if name in model.tasks)
    lines = [f'### The model\n\n`{model.name}`. It can do: {can}.']
    if shipped:
        lines.append(
            'It is the tiny model that comes with the package. It was trained on drawn shapes alone: circles, squares, '
            'triangles, diamonds, crosses and stars in eight colours. **Of photographs it knows nothing.** For your '
            'own pictures start the app with a model that was trained on such pictures.'
        )
    scores = '\n### What a score means\n\n' + (_PRESENT if model.tells_presence else '') + _SCORES
    return '\n\n'.join(lines) + '\n' + scores
