"""Makes object detection data of grounding data: the heads of the phrases are the categories.

    python tools/dataset_converters/grounding_to_coco.py data/flickr8k/grounding_val.json boxes.json

Reads the layout of MDETR (docs/data.md) and writes COCO's instances: 'two small dogs' is a dog. A box that several
phrases with one head name stands once. Phrases name a part of what is in a picture: as in LVIS each picture says so by
``neg_category_ids``, the categories that it surely lacks, here none. For the option --gold of tools/pseudo_label.py.
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
    return parser.parse_args(arguments)


if __name__ == '__main__':
    parse_options()  # --help and mistakes are answered before the imports below, which take seconds

from slan_mm.atomic_files import replaced_atomically
from slan_mm.datasets.readers.mdetr import read_mdetr
from slan_mm.pseudo_labels.categories import head_words


def convert(file: Path) -> dict:
    """COCO's instances of a grounding file.

    Raises:
        FileNotFoundError: There is no such file.
        AnnotationError: It is not of MDETR's layout.
    """
    categories: dict[str, int] = {}
    images: dict[str, dict] = {}
    boxes: dict[tuple[int, int, tuple[float, ...]], None] = {}
    for record in read_mdetr(file, ''):
        record.check('drop')
        height, width = record.size
        new = dict(id=len(images) + 1, file_name=record.img_path, width=width, height=height, neg_category_ids=[])
        image = images.setdefault(record.img_path, new)
        for phrase in record.phrases:
            words = head_words(' '.join(record.text[start:end] for start, end in phrase.spans))
            if words and phrase.boxes:
                number = categories.setdefault(words[-1], len(categories) + 1)
                for x1, y1, x2, y2 in phrase.boxes:
                    boxes[image['id'], number, (x1, y1, x2 - x1, y2 - y1)] = None
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
    data = convert(options.grounding)
    with replaced_atomically(options.out) as temporary:
        temporary.write_text(json.dumps(data), encoding='utf-8')
    counts = {key: len(data[key]) for key in ('images', 'annotations', 'categories')}
    print(f'{options.out}: {", ".join(f"{count} {key}" for key, count in counts.items())}')


if __name__ == '__main__':
    main()
