"""An index of pictures, searched by texts."""

from __future__ import annotations

import os
from html import escape
from pathlib import Path
from typing import Any

from slan_mm.apis.index_engines import engine_of, open_index
from slan_mm.app.messages import AppError, read_text, told
from slan_mm.app.models import AppModel
from slan_mm.datasets.pictures import read_picture
from slan_mm.datasets.unreadable import UnreadableImageError
from slan_mm.home_folder import expanded
from slan_mm.visualization.html import Box, note_html, picture_html, text_html
from slan_mm.visualization.jpeg import shrink, to_jpeg

#: The longer side of a picture found, in pixels.
FOUND = 320
#: The most pictures that a search shows.
MOST = 30


class AppSearch:
    """The index in ``folder``. Where it is not there, it is made of ``samples`` at the first search.

    Args:
        model: The app's model.
        folder: Of the index.
        samples: A folder of pictures, or None.
        may_add: Whether users may add folders of this machine; only where they sit at it.
    """

    def __init__(self, model: AppModel, folder: Path, samples: Path | None = None, may_add: bool = False) -> None:
        self.model, self.folder, self.samples, self.may_add = model, folder, samples, may_add

    def prepare(self) -> Any:
        """The index, checked; that of the samples is made where it is not there.

        Raises:
            PictureIndexError: It is missing, damaged, or of another model.
        """
        with self.model.lock:
            inferencer = self.model.inferencer('search')
            if self.samples is not None and engine_of(self.folder) is None:
                inferencer.index(self.folder, self.samples)
            return open_index(self.folder, inferencer.header)

    @told
    def size(self) -> str:
        """How many pictures there are, as a sentence.

        Raises:
            AppError: The index cannot be read.
        """
        return f'{len(self.prepare())} pictures are in the index.'

    @told
    def search(self, text: str, top: int = 6) -> str:
        """The best pictures of a text and its phrases in them, as html.

        Raises:
            AppError: There is no text, or the index cannot be read.
        """
        asked = read_text(text)
        self.prepare()
        top = max(1, min(int(top), MOST))
        with self.model.lock:
            (prediction,) = self.model.inferencer('search')(self.folder, asked, top=top)['predictions']
        if not prediction['found']:
            raise AppError('The files of all pictures that were found have gone or changed since they were indexed.')
        cards = [_card(rank, entry) for rank, entry in enumerate(prediction['found'], 1)]
        spans = [phrase['spans'] for phrase in prediction['found'][0]['phrases']]
        return text_html(prediction['text'], spans) + f'<ol class="slan-found">{"".join(cards)}</ol>'

    @told
    def add(self, folder: str) -> str:
        """Adds a folder of pictures to the index; says what was done.

        Raises:
            AppError: Users may not, there is no such folder, or it has no picture.
        """
        if not self.may_add:
            raise AppError('Folders can be added only where the app runs on your own machine.')
        path = expanded(read_text(folder, 'name of a folder'))
        # Unlike pathlib it answers for a name that is longer than file systems take, too.
        if not os.path.isdir(path):
            raise AppError('There is no such folder.')
        self.prepare()
        with self.model.lock:
            done = self.model.inferencer('search').index(self.folder, path)
        return (
            f'{done.added} pictures added, {done.changed} encoded again because they had changed, {done.unchanged} '
            f'unchanged, {len(done.unreadable)} unreadable and skipped. {self.size()}'
        )


def _card(rank: int, entry: dict) -> str:
    name = Path(entry['image']).name
    boxes = [
        Box(phrase['box'], number, phrase['phrase'], phrase['score'])
        for number, phrase in enumerate(entry['phrases'])
        if phrase['box'] is not None
    ]
    try:
        picture = picture_html(
            to_jpeg(shrink(read_picture(entry['image']), FOUND)), tuple(entry['size']), boxes, f'{rank}. {name}'
        )
    except UnreadableImageError:
        picture = note_html('The file has gone since it was indexed.')
    scores = f'score {entry["score"]:.2f}, match {entry["match"]:.2f}'
    return f'<li>{picture}<div><b>{rank}. {escape(name)}</b><br>{scores}</div></li>'
