"""Label files that are written one picture at a time: COCO, ODVG and Label Studio."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any, Protocol
from urllib.parse import quote
from xml.sax.saxutils import quoteattr

from slan_mm.atomic_files import replaced_atomically
from slan_mm.pseudo_labels.filters import labels_of

#: Where Label Studio finds the pictures, when it serves the output folder (docs/pseudo_labels.md).
LOCAL_FILES = '/data/local-files/?d=data/'


class Writer(Protocol):
    """What takes judged records, picture by picture."""

    def write(self, record: dict) -> None:
        """Takes a record."""


def _dump(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


class _List:
    """A JSON list that is written element by element."""

    def __init__(self, handle: IO[str]) -> None:
        self._handle, self.count = handle, 0

    def add(self, value: Any) -> None:
        self._handle.write((',\n' if self.count else '') + _dump(value))
        self.count += 1


@contextmanager
def _written(path: Path) -> Iterator[IO[str]]:
    with replaced_atomically(path) as temporary, open(temporary, 'w', encoding='utf-8', newline='\n') as handle:
        yield handle


class CocoWriter:
    """COCO's instances. Beside the official fields each box has its ``score`` in [0, 1], and ``extra``: the ``caption``
    and the ``span`` [start, end) of the phrase that names it, and what the filters read."""

    def __init__(self, images: IO[str], annotations: IO[str], classes: Sequence[str]) -> None:
        self._images, self._annotations = _List(images), _List(annotations)
        self._ids = {name: number for number, name in enumerate(classes, start=1)}

    def write(self, record: dict) -> None:
        """Takes a record."""
        number = self._images.count + 1
        size = dict(width=record['width'], height=record['height'])
        self._images.add(dict(id=number, file_name=record['file_name'], **size))
        for place in labels_of(record):
            thing = record['things'][place]
            x1, y1, x2, y2 = thing['box']
            width, height = round(x2 - x1, 2), round(y2 - y1, 2)
            extra = {name: thing[name] for name in ('span', 'match', 'quantile', 'flip', 'scale')}
            self._annotations.add(
                dict(
                    id=self._annotations.count + 1,
                    image_id=number,
                    category_id=self._ids[thing['category']],
                    bbox=[x1, y1, width, height],
                    area=round(width * height, 2),
                    segmentation=[],
                    iscrowd=0,
                    score=thing['confidence'],
                    extra=dict(caption=record['captions'][thing['caption']], **extra),
                )
            )


@contextmanager
def coco_writer(path: Path, classes: Sequence[str]) -> Iterator[CocoWriter]:
    """Writes a COCO file of the records that the writer takes."""
    with ExitStack() as stack:
        handle = stack.enter_context(_written(path))
        # Without a name, and gone with the process.
        rest = stack.enter_context(TemporaryFile('w+', encoding='utf-8', dir=path.parent))
        handle.write('{"info": {"description": "pseudo-labels of SLAN"}, "licenses": [],\n"images": [')
        yield CocoWriter(handle, rest, classes)
        handle.write('],\n"annotations": [')
        rest.seek(0)
        shutil.copyfileobj(rest, handle)
        categories = [dict(id=number, name=name, supercategory='') for number, name in enumerate(classes, start=1)]
        handle.write('],\n"categories": ' + _dump(categories) + '}\n')


class OdvgWriter:
    """MM-Grounding-DINO's json lines: a line for each caption with a label, its phrases as regions."""

    def __init__(self, handle: IO[str]) -> None:
        self._handle = handle

    def write(self, record: dict) -> None:
        """Takes a record."""
        regions: dict[int, list[dict]] = {}
        for thing in record['things']:
            # A caption that names a thing again has the box of the label.
            same = record['things'][thing['same_as']] if thing['failed'] == ['duplicates'] else thing
            if same['failed']:
                continue
            caption = record['captions'][thing['caption']]
            phrase = caption[slice(*thing['span'])]
            regions.setdefault(thing['caption'], []).append(
                dict(bbox=same['box'], phrase=phrase, tokens_positive=[thing['span']])
            )
        for number, own in regions.items():
            line = dict(
                filename=record['file_name'],
                height=record['height'],
                width=record['width'],
                grounding=dict(caption=record['captions'][number], regions=own),
            )
            self._handle.write(_dump(line) + '\n')


@contextmanager
def odvg_writer(path: Path) -> Iterator[OdvgWriter]:
    """Writes an ODVG file of the records that the writer takes."""
    with _written(path) as handle:
        yield OdvgWriter(handle)


class LabelStudioWriter:
    """Tasks of Label Studio, each a picture with its labels as predictions."""

    def __init__(self, handle: IO[str], prefix: str) -> None:
        self._list, self._prefix = _List(handle), prefix

    def write(self, record: dict) -> None:
        """Takes a record."""
        width, height = record['width'], record['height']
        results = []
        for place in labels_of(record):
            thing = record['things'][place]
            x1, y1, x2, y2 = thing['box']
            value = dict(
                x=100 * x1 / width,
                y=100 * y1 / height,
                width=100 * (x2 - x1) / width,
                height=100 * (y2 - y1) / height,
                rotation=0,
                rectanglelabels=[thing['category']],
            )
            results.append(
                dict(
                    id=f'label{place}',
                    type='rectanglelabels',
                    from_name='label',
                    to_name='image',
                    original_width=width,
                    original_height=height,
                    image_rotation=0,
                    value=value,
                    score=thing['confidence'],
                )
            )
        scores = [result['score'] for result in results]
        prediction = dict(model_version='SLAN', score=min(scores, default=0.0), result=results)
        url = self._prefix + quote(record['file_name'])
        data = dict(image=url, file_name=record['file_name'], captions='\n'.join(record['captions']))
        self._list.add(dict(data=data, predictions=[prediction]))


@contextmanager
def label_studio_writer(path: Path, prefix: str = LOCAL_FILES) -> Iterator[LabelStudioWriter]:
    """Writes a file to be imported into Label Studio of the records that the writer takes."""
    with _written(path) as handle:
        handle.write('[')
        yield LabelStudioWriter(handle, prefix)
        handle.write(']\n')


def label_studio_config(classes: Sequence[str]) -> str:
    """The labelling interface of a Label Studio project for these tasks."""
    labels = ''.join(f'    <Label value={quoteattr(name)}/>\n' for name in classes)
    return (
        '<View>\n  <Image name="image" value="$image"/>\n  <Text name="captions" value="$captions"/>\n'
        f'  <RectangleLabels name="label" toName="image">\n{labels}  </RectangleLabels>\n</View>\n'
    )


def link_pictures(root: Path, place: Path) -> None:
    """Makes ``place`` a link to the folder of the pictures: nothing is copied."""
    if place.is_symlink():
        place.unlink()
    place.symlink_to(root.resolve(), target_is_directory=True)
