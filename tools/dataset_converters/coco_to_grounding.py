"""Makes grounding data of object detection data, as GLIP does: the names of an image's classes are its phrases.

    python tools/dataset_converters/coco_to_grounding.py instances_train2017.json grounding_train.json

Reads COCO's instances and writes MDETR's layout (``GroundingDataset(format='mdetr')``). The caption of an image is the
names of its classes in the order of the file, with commas between them: 'person, dog, frisbee'. Each name is a phrase
and has all boxes of its class. Crowds, boxes without area and images without a box are left out and counted.
"""

import argparse
import json
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

from slan_mm.arguments import out_file
from slan_mm.cli.errors import one_line_errors
from slan_mm.cli.options import option


def parse_options(arguments: list[str] | None = None) -> argparse.Namespace:
    """The command line's options."""
    parser = argparse.ArgumentParser(description='Makes grounding data of object detection data.')
    parser.add_argument('instances', type=Path, help="COCO's instances_*.json")
    parser.add_argument('out', type=option(out_file), help='json file to write')
    return parser.parse_args(arguments)


if __name__ == '__main__':
    parse_options()  # --help and mistakes are answered before the imports below, which take seconds

from slan_mm.atomic_files import replaced_atomically
from slan_mm.datasets.readers.boxes import finite_numbers
from slan_mm.datasets.readers.entry import Entry, json_entries, load_json

_REMEDY = (
    "COCO's instances have {images: [{id, file_name, height, width}], categories: [{id, name}], annotations: "
    '[{image_id, category_id, bbox: [x, y, w, h], iscrowd?}]}.'
)


def convert(file: Path) -> tuple[dict, Counter]:
    """The content of MDETR's layout, and how many of what were left out.

    Raises:
        FileNotFoundError: There is no such file.
        AnnotationError: It is not of COCO's layout; the message names the entry.
    """
    data = load_json(file)
    names: dict[int, str] = {}
    for entry in json_entries(file, data, 'categories', _REMEDY):
        number = entry.take('id', int, _REMEDY)
        if number in names:
            entry.fail(f'the id {number} stands twice in the categories', 'Give every category an id of its own.')
        names[number] = entry.take('name', str, _REMEDY)
    boxes: dict[int, dict[str, list[list[float]]]] = defaultdict(lambda: defaultdict(list))
    left_out: Counter = Counter()
    for entry in json_entries(file, data, 'annotations', _REMEDY):
        category, box = entry.take('category_id', int, _REMEDY), entry.take('bbox', list, _REMEDY)
        if category not in names:
            entry.fail(f'category_id {category} is not among the categories', _REMEDY)
        if entry.data.get('iscrowd'):
            left_out['crowds'] += 1
        elif not finite_numbers(box) or min(box[2:]) <= 0:
            left_out['boxes without area'] += 1
        else:
            # By name: two categories of one name are one phrase.
            boxes[entry.take('image_id', int, _REMEDY)][names[category]].append(box)
    result: dict[str, list] = dict(images=[], annotations=[])
    for entry in json_entries(file, data, 'images', _REMEDY):
        own = boxes.pop(entry.take('id', int, _REMEDY), None)
        if own is None:
            left_out['images without a box'] += 1
        else:
            _add(result, entry, own)
    left_out['boxes of images that are not in the file'] = sum(
        len(found) for own in boxes.values() for found in own.values()
    )
    return result, +left_out


def _add(result: dict[str, list], entry: Entry, boxes: dict[str, list]) -> None:
    caption = ''
    spans: list[list[int]] = []
    for name, found in boxes.items():
        caption += ', ' if caption else ''
        spans.append([len(caption), len(caption) + len(name)])
        caption += name
        common: dict[str, Any] = dict(image_id=entry.data['id'], tokens_positive=[spans[-1]])
        result['annotations'] += [
            dict(common, id=len(result['annotations']) + n, bbox=box) for n, box in enumerate(found)
        ]
    fields = {name: entry.take(name, (str, int), _REMEDY) for name in ('id', 'file_name', 'height', 'width')}
    result['images'].append(dict(fields, caption=caption, tokens_positive_eval=[[span] for span in spans]))


@one_line_errors
def main(arguments: list[str] | None = None) -> None:
    """Converts and says what was written."""
    options = parse_options(arguments)
    result, left_out = convert(options.instances)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    with replaced_atomically(options.out) as temporary:
        temporary.write_text(json.dumps(result), encoding='utf-8')
    phrases = sum(len(image['tokens_positive_eval']) for image in result['images'])
    print(f'{options.out}: {len(result["images"])} images, {phrases} phrases, {len(result["annotations"])} boxes')
    for what, count in left_out.items():
        print(f'left out: {count} {what}')


if __name__ == '__main__':
    main()
