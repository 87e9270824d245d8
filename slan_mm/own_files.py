"""What a tool writes into a user's folder, remembered there: nothing else is ever overwritten."""

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

from slan_mm.atomic_files import replaced_atomically
from slan_mm.text_files import read_json

MARK = '.written_by_slan_mm.json'


def claim(folder: Path, names: Sequence[str], kind: str) -> None:
    """Makes ``folder`` and notes in it that the files and folders ``names`` are ours from now on.

    ``kind``: what they are, such as 'a model'. Files of one kind may replace those of the same kind.

    Raises:
        FileExistsError: There is one of these names already, and nothing of ours has written it, or something of ours
            that is of another kind.
    """
    ours = _read_mark(folder)
    for name in names:
        if ours.get(name, '') not in (kind, None) and ((folder / name).exists() or (folder / name).is_symlink()):
            raise FileExistsError(
                f'{folder / name} is there already, and this tool did not write it: nothing was changed. '
                'Choose another output folder, or move it away'
            )
    folder.mkdir(parents=True, exist_ok=True)
    with replaced_atomically(folder / MARK) as temporary:
        temporary.write_text(json.dumps(ours | dict.fromkeys(names, kind), sort_keys=True), encoding='utf-8')


def _read_mark(folder: Path) -> dict[str, str | None]:
    """The kind of each name that is ours; None of those that were noted without it, as earlier versions did."""
    try:
        content = read_json(folder / MARK)
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return {}
    if isinstance(content, list):
        content = dict.fromkeys(name for name in content if isinstance(name, str))
    return content if isinstance(content, dict) else {}


def start_afresh(folder: Path, names: Sequence[str], kind: str) -> None:
    """:func:`claim`, and what an earlier call has left under these names is removed.

    Raises:
        FileExistsError: See :func:`claim`; nothing is removed then.
    """
    claim(folder, names, kind)
    for name in names:
        place = folder / name
        if place.is_dir() and not place.is_symlink():
            shutil.rmtree(place)
        else:
            place.unlink(missing_ok=True)
