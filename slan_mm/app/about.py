"""The text of the About tab: the model, and the meaning of the scores."""

from __future__ import annotations

from slan_mm.app.models import AppModel
from slan_mm.app.pictures import MAX_BYTES
from slan_mm.app.tasks import TASKS
from slan_mm.datasets.transforms.load_image import MAX_PIXELS

_PRESENT = """\
- **present** of a phrase (Ground, Compare). The probability that the object is in the image. It was fitted on held-out
  images: each phrase was tested once on an image that has the object, and once on an image without it. In a large
  collection most objects are absent, so the value is too high. A low value does not remove the box.
"""

_SCORES = f"""\
- **Box of a phrase** (Ground, Compare, and under each image of Search). The score ranks the regions of *one* image for
  *one* phrase. Each word has the sum of its cosines with the region in each region-word space (at most 2); the score is
  the mean over the words. It is **not a probability**: every phrase gets a best box, also in an image without the
  object. After fine-tuning on boxes, it is the probability that the box is right, if the object is there. A model from
  `tools/calibrate.py` also gives the probability that the object is there.
- **score** of an image in Search. Use it only to compare the images of one search.
- **match** of an image in Search. The probability, from the image-text matching head, that text and image match. It was
  trained with as many hard wrong pairs as right ones, so it is not the frequency in a larger collection.
- **log-probability** of a caption or an answer. 0 is certainty. It measures how likely the words are for the model, not
  whether they are true.
- **probability of true**. Half of the sentences in training were true.
- **Box of a class**. After fine-tuning on boxes, the probability that the box belongs to that class.

### Levels and maps

Level 0 has the regions of the detector, before any adaptor. Each level moves them according to the words of the text.
An **activation map** shows where one word responds, from dark (least) to bright (most). Each map has its own scale, so
you cannot compare the colours of two maps.

### Limits

Files up to {MAX_BYTES // 1024**2} MB and {MAX_PIXELS // 10**6} million pixels. Requests are processed one at a time;
others wait in a queue. Your images are deleted after an hour. Nothing is sent to another machine.
"""


def about(model: AppModel, shipped: bool) -> str:
    """The text of the page, in Markdown; ``shipped``: whether the model is the one that comes with the package."""
    known = 'grounding', 'search', *TASKS
    can = ', '.join(name for name in known if name in model.tasks)
    lines = [f'### The model\n\n`{model.name}`. Its tasks: {can}.']
    if shipped:
        lines.append(
            'It is the tiny model that comes with the package. It was trained only on drawn shapes: circles, squares, '
            'triangles, diamonds, crosses and stars in eight colours. **It does not work on photographs.** For your '
            'own images, start the app with a model that was trained on similar images.'
        )
    scores = '\n### What a score means\n\n' + (_PRESENT if model.tells_presence else '') + _SCORES
    return '\n\n'.join(lines) + '\n' + scores
