"""Makes what the pages call the reader's own: ``~/pictures``, ``~/captions.csv``, ``~/dog.jpg``, ``~/folder.jpg`` ...

    python tests/documentation/make_home.py HOME

Sixty generated pictures with two captions each, as jpg files of 160 x 160 pixels; ``~/clip.mp4`` shows eight of them.
"""

import csv
import shutil
import sys
from pathlib import Path

import cv2
from PIL import Image

from slan_mm.datasets.shapes import ShapesPairs

PICTURES = 60

home = Path(sys.argv[1])
(home / 'pictures').mkdir(parents=True)
dataset = ShapesPairs(split='train', task='retrieval', num_images=PICTURES, captions_per_image=2, image_size=160)
with open(home / 'captions.csv', 'w', newline='') as handle:
    writer = csv.writer(handle)
    writer.writerow(['image', 'caption'])
    for number in range(PICTURES):
        item = dataset[number]
        name = f'{number:03d}.jpg'
        Image.fromarray(item['inputs'].permute(1, 2, 0).numpy()).save(home / 'pictures' / name)
        writer.writerows([name, text] for text in item['data_samples'].text)
shutil.copy(home / 'pictures/000.jpg', home / 'dog.jpg')
# By OpenCV, which is there: the extra ``video`` is not, and is what the documentation has the reader install.
film = cv2.VideoWriter(str(home / 'clip.mp4'), cv2.VideoWriter.fourcc(*'mp4v'), 5, (160, 160))
for number in range(8):
    film.write(cv2.imread(str(home / 'pictures' / f'{number:03d}.jpg')))
film.release()
