"""What the tests of figures look at: the pixels of a canvas, and whether its texts are whole."""

from itertools import combinations

import numpy as np

from slan_mm.visualization.drawing import DPI


def pixel(canvas, x, y):
    """RGB of the pixel at (x, y) points."""
    canvas.figure.canvas.draw()
    image = np.asarray(canvas.figure.canvas.buffer_rgba())
    return tuple(int(value) for value in image[round(y * DPI / 72), round(x * DPI / 72), :3])


def assert_texts_are_whole(canvas):
    """No text reaches over the border of the page or into another text."""
    canvas.figure.canvas.draw()
    texts = [text for text in canvas.figure.axes[0].texts if text.get_text().strip()]
    boxes = [(text.get_text(), text.get_window_extent()) for text in texts]
    assert boxes
    width, height = canvas.figure.get_size_inches() * DPI
    for name, box in boxes:
        assert box.x0 >= 0 and box.y0 >= 0 and box.x1 <= width and box.y1 <= height, f'{name!r} is cut'
    for (name, box), (other, second) in combinations(boxes, 2):
        across = min(box.x1, second.x1) - max(box.x0, second.x0)
        down = min(box.y1, second.y1) - max(box.y0, second.y0)
        # Fonts' ascenders and descenders may share a pixel or two.
        assert across <= 3 or down <= 3, f'{name!r} and {other!r} overlap'
