"""Sizes that annotations tell of images, against those of the files: boxes are of the one and drawn on the other."""

from __future__ import annotations

from collections.abc import Sequence

from slan_mm.datasets.unreadable import WrongSizeError

_TURNED = (
    'Height and width have changed places: the boxes are of the image as it is stored, and its EXIF turns it. Store '
    'the image upright, or give height, width and boxes of the upright image.'
)
_REMEDY = (
    'Give the images that were annotated, or height, width and boxes in pixels of these files. '
    'tools/dataset_converters/grounding_to_coco.py with --classes and --pictures writes such a file of grounding data.'
)


def wrong_size(told: Sequence[float], found: Sequence[int]) -> str | None:
    """What is wrong where an annotation has ``told`` another (height, width) than was ``found``, in words, or None."""
    if tuple(told) == tuple(found):
        return None
    sizes = f'{told[1]:g} x {told[0]:g} pixels (width x height) in the annotation, {found[1]} x {found[0]} in the file'
    return f'{sizes}, so boxes would lie elsewhere. {_TURNED if is_turned(told, found) else _REMEDY}'


def is_turned(told: Sequence[float], found: Sequence[int]) -> bool:
    """Whether height and width have changed places."""
    return tuple(told) != tuple(found) == tuple(told[::-1])


def check_size(results: dict, found: tuple[int, int]) -> None:
    """Compares ``height`` and ``width``, which mmdet's data sets take from their files, with those of the loaded image.

    Raises:
        WrongSizeError: They differ.
    """
    told = results.get('height', found[0]), results.get('width', found[1])
    if wrong := wrong_size(told, found):
        raise WrongSizeError(f'{results["img_path"]} (image id {results.get("img_id")!r}): {wrong}')


def set_original_shape(results: dict, found: tuple[int, int]) -> None:
    """Sets ``ori_shape`` to that of the file, unless the annotation has told another one.

    Boxes are kept in shares of the image, so a resized copy is as good as the original; a turned one is not.

    Raises:
        WrongSizeError: The image is turned.
    """
    told = results.setdefault('ori_shape', found)
    if is_turned(told[:2], found):
        raise WrongSizeError(
            f'{results.get("img_path")} (image id {results.get("image_id")!r}): {wrong_size(told[:2], found)}'
        )
