"""Makes object detection data of grounding data: the heads of the phrases are the categories, or the classes they name.

    python tools/dataset_converters/grounding_to_coco.py data/flickr8k/grounding_val.json boxes.json
    python tools/dataset_converters/grounding_to_coco.py data/flickr8k/grounding_val.json boxes.json \
        --classes configs/pseudo/flickr8k_coco_classes.yaml --pictures data/flickr8k/images

Reads the layout of MDETR (docs/data.md) and writes COCO's instances: 'two small dogs' is a dog. A box that several
phrases with one head name stands once. Phrases name a part of what is in a picture: as in LVIS each picture says so by
``neg_category_ids``, the categories that it surely lacks, here none. For the option --gold of tools/pseudo_label.py.
With --classes to test a detector of them, which is blamed for every box that no phrase names, and with --pictures where
the pictures have another size than the file says.
"""

import argparse
import json
from pathlib import Path

from slan_mm.arguments import out_file
from slan_mm.cli.errors import one_line_errors
from slan_mm.cli.options import option


def parse_options(arguments: list[str] | None = None) -> argparse.Namespace:
    """The command line's options."""
    parser = argparse.ArgumentParser(description='Makes object detection data of grounding data.')
    parser.add_argument('grounding', type=Path, help="json file in MDETR's layout")
    parser.add_argument('out', type=option(out_file), help='json file to write')
    parser.add_argument('--classes', help="'dog, person', or a yaml file: names with synonyms, 'person: [man, woman]'")
    parser.add_argument('--pictures', type=Path, help='their folder: sizes and boxes are those of the files in it')
    return parser.parse_args(arguments)


if __name__ == '__main__':
    parse_options()  # --help and mistakes are answered before the imports below, which take seconds

from slan_mm.atomic_files import replaced_atomically
from slan_mm.datasets.image_size import is_turned, wrong_size
from slan_mm.datasets.readers.entry import AnnotationError
from slan_mm.datasets.readers.mdetr import read_mdetr
from slan_mm.datasets.transforms.load_image import upright_size
from slan_mm.pseudo_labels.categories import Categories, head_words, read_categories


def convert(file: Path, classes: Categories | None = None, pictures: Path | None = None) -> dict:
    """COCO's instances of a grounding file: of all heads, or of the phrases that name one of ``classes``; in the sizes
    of the file, or of the files in ``pictures``.

    Raises:
        FileNotFoundError: There is no such file.
        UnreadableImageError: There is no such picture.
        AnnotationError: The file is not of MDETR's layout, or a picture is turned.
    """
    names = [] if classes is None else classes.names
    categories = {name: number for number, name in enumerate(names, start=1)}
    images: dict[str, dict] = {}
    boxes: dict[tuple[int, int, tuple[float, ...]], None] = {}
    for record in read_mdetr(file, ''):
        record.check('drop')
        height, width = record.size
        across = down = 1.0
        if pictures is not None:
            found = upright_size(str(pictures / record.img_path))
            if is_turned(record.size, found):
                raise AnnotationError(f'{file}: {record.img_path}: {wrong_size(record.size, found)}')
            across, down = found[1] / width, found[0] / height
            height, width = found
        new = dict(id=len(images) + 1, file_name=record.img_path, width=width, height=height, neg_category_ids=[])
        image = images.setdefault(record.img_path, new)
        for phrase in record.phrases:
            text = ' '.join(record.text[start:end] for start, end in phrase.spans)
            name = next(iter(head_words(text)[-1:]), None) if classes is None else classes.of_phrase(text)
            if name is not None and phrase.boxes:
                number = categories.setdefault(name, len(categories) + 1)
                for x1, y1, x2, y2 in phrase.boxes:
                    box = across * x1, down * y1, across * (x2 - x1), down * (y2 - y1)
                    boxes[image['id'], number, box] = None
    return dict(
        images=list(images.values()),
        annotations=[
            dict(id=place, image_id=image, category_id=category, bbox=list(box), area=box[2] * box[3], iscrowd=0)
            for place, (image, category, box) in enumerate(boxes, start=1)
        ],
        categories=[dict(id=number, name=name) for name, number in categories.items()],
    )


@one_line_errors
def main(arguments: list[str] | None = None) -> None:
    """Converts, writes, counts."""
    options = parse_options(arguments)
    classes = None if options.classes is None else read_categories(options.classes)
    data = convert(options.grounding, classes, options.pictures)
    with replaced_atomically(options.out) as temporary:
        temporary.write_text(json.dumps(data), encoding='utf-8')
    counts = {key: len(data[key]) for key in ('images', 'annotations', 'categories')}
    print(f'{options.out}: {", ".join(f"{count} {key}" for key, count in counts.items())}')


if __name__ == '__main__':
    main()
