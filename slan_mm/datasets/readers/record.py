"""What a caption reader yields."""

from dataclasses import dataclass

from slan_mm.datasets.readers.entry import Entry


@dataclass(slots=True)
class ImageRecord:
    """An image and captions of it.

    - ``img_path``: path of the image file.
    - ``image_id``: equal for two records of the same image, and only then.
    - ``captions``: as they stand in the file.
    - ``split``: the split the file assigns the image to; None where the file knows no splits.
    - ``entry``: where the record stands, for errors.
    """

    img_path: str
    image_id: str
    captions: list[str]
    split: str | None
    entry: Entry
