"""Asks the model for all pictures of a source; what it answers is written while it goes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from mmengine.dist import get_dist_info

from slan_mm.apis import init_model
from slan_mm.apis.settings import model_class
from slan_mm.applied_config import picture_size
from slan_mm.config import name_of, read_config
from slan_mm.datasets.pictures import read_picture
from slan_mm.datasets.unreadable import UnreadableImageError
from slan_mm.progress import Progress
from slan_mm.pseudo_labels.fragments import FragmentWriter, index_blocks
from slan_mm.pseudo_labels.sources import NamedPicture
from slan_mm.pseudo_labels.views import ViewGrounder
from slan_mm.structures import MarkedText
from slan_mm.weights_file import hash_weights

#: Pictures of a block: what a process answers and writes at once. Fixed, so that batches, and with them the last
#: digits of the answers, are the same for any number of processes.
BLOCK = 16


def make_grounder(
    config: str,
    checkpoint: str,
    device: str | None,
    cfg_options: Mapping[str, Any],
    scales: tuple[float, float],
    batch_size: int,
) -> tuple[ViewGrounder, dict]:
    """The model as it answers, and what its answers depend on.

    Raises:
        ValueError: The model grounds no phrases; and what :func:`init_model` raises.
    """
    cfg = read_config(config, cfg_options)
    kind = model_class(cfg)
    if not hasattr(kind, 'grounds_phrases'):
        raise ValueError(
            f'{name_of(cfg)}: {kind.__name__} does not ground phrases. Give the config of SLAN or SLANGrounder'
        )
    # Convolutions of a CPU are faster by a third so.
    model = init_model(cfg, checkpoint, device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    size = picture_size(cfg)
    asked = dict(weights=hash_weights(model), model=kind.__name__, size=list(size), scales=list(scales))
    return ViewGrounder(model, size, scales, batch_size), asked


def answer_all(pictures: Sequence[NamedPicture], grounder: ViewGrounder, folder: Path) -> None:
    """Writes the answers for all ``pictures`` that ``folder`` lacks, this process its share.

    A block is a list of records, one a picture: ``file_name``, ``width``, ``height``, ``captions``, and ``things``,
    each with its ``caption``, ``span`` and ``category`` and, if it was found, what :class:`ViewGrounder` answers; or
    ``file_name`` and ``error``.
    """
    rank, ranks = get_dist_info()
    done = index_blocks(folder)
    blocks = range(-(-len(pictures) // BLOCK))
    own = [block for block in blocks if block % ranks == rank]
    left = [block for block in own if block not in done]

    def pictures_of(block: int) -> Sequence[NamedPicture]:
        return pictures[block * BLOCK : (block + 1) * BLOCK]

    total, rest = (sum(len(pictures_of(block)) for block in some) for some in (own, left))
    with (
        FragmentWriter(folder, rank) as writer,
        Progress('pictures grounded', total, total - rest) as progress,
    ):
        for block in left:
            writer.write(block, answer_block(pictures_of(block), grounder))
            progress.step(len(pictures_of(block)))


def answer_block(pictures: Sequence[NamedPicture], grounder: ViewGrounder) -> list[dict]:
    """The records of some pictures, see :func:`answer_all`."""
    records, arrays, texts, asked = [], [], [], []
    for picture in pictures:
        try:
            array = read_picture(picture.path)
        except UnreadableImageError as error:
            records.append(dict(file_name=picture.file_name, error=str(error)))
            continue
        height, width = array.shape[:2]
        record = dict(file_name=picture.file_name, width=width, height=height, captions=picture.captions, things=[])
        records.append(record)
        things: dict[int, list] = {}
        for number, span, name in picture.things:
            things.setdefault(number, []).append((span, name))
        if things:
            arrays.append(array)
            texts.append([MarkedText(picture.captions[n], [[span] for span, _ in own]) for n, own in things.items()])
            asked.append((record, things))
    for (record, things), answered in zip(asked, grounder(arrays, texts) if asked else (), strict=True):
        for (number, own), answers in zip(things.items(), answered, strict=True):
            for (span, name), answer in zip(own, answers, strict=True):
                record['things'].append(dict(caption=number, span=span, category=name, **(answer or {})))
    return records
