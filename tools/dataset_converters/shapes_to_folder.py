"""Writes generated shapes data as files, as a user has them: pictures, a table of captions, boxes to score by.

    python tools/dataset_converters/shapes_to_folder.py work_dirs/shapes_folder

Writes ``images/{train,test}/*.png``; ``captions.csv`` (image, caption, split), the captions of the train split alone;
and ``train.json`` and ``test.json``, the boxes of all shapes in COCO's layout, with paths below ``images``. The
captions of ``--captions`` a picture name two or three of its two to four shapes. Boxes of the train split are for
scores and for a comparison, not for training on captions.
"""

import argparse
import csv
import json
from pathlib import Path

from slan_mm.arguments import out_folder
from slan_mm.cli.errors import one_line_errors
from slan_mm.cli.options import option, positive
from slan_mm.environment import smoke_asked_for


def parse_options(arguments: list[str] | None = None) -> argparse.Namespace:
    """The command line's options."""
    parser = argparse.ArgumentParser(description='Writes generated shapes data as files.')
    parser.add_argument('out', type=option(out_folder), help='folder to write')
    parser.add_argument('--train', type=positive, default=5000, help='pictures of the train split (default: 5000)')
    parser.add_argument('--test', type=positive, default=500, help='pictures of the test split (default: 500)')
    parser.add_argument('--captions', type=positive, default=1, help='captions of a picture (default: 1)')
    options = parser.parse_args(arguments)
    if smoke_asked_for():
        options.train, options.test = min(options.train, 64), min(options.test, 16)
    return options


if __name__ == '__main__':
    parse_options()  # --help and mistakes are answered before the imports below, which take seconds

from PIL import Image

from slan_mm.atomic_files import replaced_atomically
from slan_mm.datasets.shapes import ShapesPairs
from slan_mm.datasets.shapes.scene import SHAPES, Scene
from slan_mm.own_files import start_afresh


def coco_file(scenes: list[tuple[str, Scene]]) -> dict:
    """COCO's instances of (file name, scene); the classes are the shapes."""
    images: list[dict] = []
    annotations: list[dict] = []
    for number, (name, scene) in enumerate(scenes, start=1):
        images.append(dict(id=number, file_name=name, width=scene.image_size, height=scene.image_size))
        for item in scene.objects:
            annotations.append(
                dict(
                    id=len(annotations) + 1,
                    image_id=number,
                    category_id=SHAPES.index(item.shape) + 1,
                    bbox=[item.x, item.y, item.side, item.side],
                    area=item.side**2,
                    iscrowd=0,
                )
            )
    categories = [dict(id=number, name=name) for number, name in enumerate(SHAPES, start=1)]
    return dict(images=images, annotations=annotations, categories=categories)


def write(out: Path, train: int, test: int, captions: int) -> None:
    """Writes everything."""
    start_afresh(out, ['images', 'captions.csv', 'train.json', 'test.json'], 'generated shapes')
    rows = []
    for split, count in (('train', train), ('test', test)):
        dataset = ShapesPairs(split=split, task='retrieval', num_images=count, captions_per_image=captions)
        (out / 'images' / split).mkdir(parents=True)
        scenes = []
        for index in range(count):
            item, name = dataset[index], f'{split}/{index:06d}.png'
            Image.fromarray(item['inputs'].permute(1, 2, 0).numpy()).save(out / 'images' / name)
            scenes.append((name, dataset.scene(index)))
            if split == 'train':
                rows += [(name, caption, split) for caption in item['data_samples'].text]
        with replaced_atomically(out / f'{split}.json') as temporary:
            temporary.write_text(json.dumps(coco_file(scenes)), encoding='utf-8')
    with replaced_atomically(out / 'captions.csv') as file, open(file, 'w', newline='', encoding='utf-8') as handle:
        csv.writer(handle).writerows([('image', 'caption', 'split'), *rows])
    print(f'{out}: {train} pictures with {len(rows)} captions to train on, {test} pictures to test')


@one_line_errors
def main(arguments: list[str] | None = None) -> None:
    """Runs the command."""
    options = parse_options(arguments)
    write(options.out, options.train, options.test, options.captions)


if __name__ == '__main__':
    main()
