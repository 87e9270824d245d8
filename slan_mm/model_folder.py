"""A folder that holds a whole model, here or on a model hub: what is in it, and how it is found.

- ``config.json``: the config of the model and of its test, see :mod:`slan_mm.folder_config`.
- ``model.safetensors``: all weights.
- ``tokenizer/``: the tokenizer, where it is one of files.
- ``run.json``: the record of its training, as far as it is known.
- ``README.md``: the model card.
"""

import logging
import re
from functools import cache
from os import PathLike
from pathlib import Path

from slan_mm.home_folder import expanded

CONFIG, WEIGHTS, TOKENIZER, RECORD, CARD = 'config.json', 'model.safetensors', 'tokenizer', 'run.json', 'README.md'
#: All that is fetched from a hub, and read from a folder.
FILES = (CONFIG, WEIGHTS, RECORD, CARD, f'{TOKENIZER}/*.json', f'{TOKENIZER}/*.txt', f'{TOKENIZER}/*.model')
_HUB_NAME = re.compile(r'\w[\w-]*(?:\.[\w-]+)*/\w[\w.-]*')
#: Endings of files, which are not taken for names on a hub.
_FILES = ('.py', '.pth', '.pt', '.safetensors', '.json', '.yml', '.yaml', '.jpg', '.jpeg', '.png', '.csv')


def is_model_folder(path: str | PathLike) -> bool:
    """Whether ``path`` is a folder with a config and weights of the names above."""
    folder = expanded(path)
    return all((folder / name).is_file() for name in (CONFIG, WEIGHTS))


def is_hub_name(name: object) -> bool:
    """Whether ``name`` is taken for one of a model hub.

    It has the form user/name, does not end like a file, and there is nothing called user here: a slip in the path of a
    folder must not go to the network.
    """
    if not isinstance(name, str) or not _HUB_NAME.fullmatch(name) or name.endswith(_FILES):
        return False
    return not Path(name.split('/')[0]).exists()


def find_model_folder(name: str | PathLike) -> Path | None:
    """The folder of a model that ``name`` stands for: one of this machine, or one of a hub, which is fetched.

    None where it is neither.

    Raises:
        OSError: It is taken for a name of a hub, and cannot be fetched.
        ValueError: A link leads out of the folder.
    """
    if is_hub_name(name):
        folder = fetch(str(name))
    elif is_model_folder(name):
        folder = expanded(name)
    else:
        return None
    _check_links(folder)
    return folder


@cache
def fetch(name: str, revision: str | None = None) -> Path:
    """The folder of a model of the hub, fetched where the cache of ``huggingface_hub`` lacks it.

    Of its files only :data:`FILES` are fetched: no code, no pickles.

    Raises:
        OSError: It cannot be fetched, or holds no model of ours.
    """
    # Not above: the options of a tool are read without it.
    from huggingface_hub import snapshot_download

    logging.getLogger('slan_mm').warning(f'{name} is no folder here: it is looked for on the model hub and fetched.')
    try:
        folder = Path(snapshot_download(name, revision=revision, allow_patterns=list(FILES)))
    except Exception as error:  # of the network, of the hub: one advice fits them all
        raise OSError(
            f'{name} is no folder here, and could not be fetched from the model hub ({type(error).__name__}). Check '
            'the name and the network, and that HF_HUB_OFFLINE is not set; offline give the path of a folder that '
            'save_pretrained has written'
        ) from error
    if not is_model_folder(folder):
        raise OSError(f'{name} of the model hub is no model of slan_mm: it lacks {CONFIG} or {WEIGHTS}')
    return folder


def _check_links(folder: Path) -> None:
    """Refuses links out of the folder; in the cache of a hub files are links to its blobs."""
    home = folder.resolve()
    allowed = [home, *([home.parents[1] / 'blobs'] if home.parent.name == 'snapshots' else [])]
    for name in (CONFIG, WEIGHTS, RECORD, CARD, TOKENIZER):
        place = folder / name
        for path in (place, *(place.rglob('*') if place.is_dir() else ())):
            if not any(path.resolve().is_relative_to(root) for root in allowed):
                raise ValueError(f'{path} is a link that leads out of the folder: it is not followed. Remove it')
