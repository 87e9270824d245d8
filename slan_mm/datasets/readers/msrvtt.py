"""MSR-VTT's test list 1k-A (Yu et al. 2018): a table of videos and sentences."""

import os
from collections.abc import Iterator
from pathlib import Path

from slan_mm.datasets.readers.record import ImageRecord
from slan_mm.datasets.readers.table import table_rows

_REMEDY = (
    "format='msrvtt' reads MSRVTT_JSFUSION_test.csv and tables like it, with a header line and the columns video_id "
    '(the video file without its ending) and sentence, separated by commas, semicolons or tabs.'
)


def read_msrvtt(ann_file: Path, img_root: str, ending: str = '.mp4') -> Iterator[ImageRecord]:
    """One record a row: a video, whose path takes the place of an image's, and a sentence.

    Copies of the list go round with commas and with semicolons; the header tells which. Several rows may name one
    video, and a column ``split`` is obeyed where there is one.

    Args:
        ann_file: The table.
        img_root: Folder of the videos.
        ending: Of the video files.
    """
    for entry in table_rows(ann_file):
        video = entry.take_id('video_id', _REMEDY)
        yield ImageRecord(
            img_path=os.path.join(img_root, video + ending),
            image_id=video,
            captions=[entry.take('sentence', str, _REMEDY)],
            split=entry.data.get('split', '').strip() or None,
            entry=entry,
        )
