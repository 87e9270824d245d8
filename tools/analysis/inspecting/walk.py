"""The walk of a training step: which files of ``slan_mm`` it enters, in which order.

Run as a script it prints the walk as json, of the ``slan_mm`` that Python finds; :func:`walk_of` runs it for a tree.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType
from typing import NamedTuple


class Call(NamedTuple):
    """The first call of a function: its file below ``slan_mm``, its name, and the file of its caller ('' for none)."""

    file: str
    function: str
    caller: str


class Visit(NamedTuple):
    """A step of the walk into a file: from which file, and the functions that are read there before the next one."""

    file: str
    caller: str
    functions: list[str]


def walk_of(root: Path, config: str) -> list[Call]:
    """The walk of one training step of ``config`` in the tree ``root``, in a process of its own.

    Raises:
        RuntimeError: The step has failed; with the end of what it printed.
    """
    environment = os.environ | {'PYTHONPATH': str(root), 'OMP_NUM_THREADS': '1'}
    done = subprocess.run(
        [sys.executable, '-W', 'ignore', str(Path(__file__).resolve()), config],
        cwd=root,
        env=environment,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise RuntimeError(f'a training step of {config} in {root} has failed: {done.stderr.strip()[-600:]}')
    return [Call(*call) for call in json.loads(done.stdout.splitlines()[-1])]


def visits(walk: Sequence[Call]) -> list[Visit]:
    """The steps from file to file. What a file's own function calls in it belongs to the file's last visit."""
    found: list[Visit] = []
    for file, function, caller in walk:
        last = next((visit for visit in reversed(found) if visit.file == file), None)
        if last is None or (caller != file and last is not found[-1]):
            last = Visit(file, caller, [])
            found.append(last)
        last.functions.append(function)
    return found


def files_of(walk: Sequence[Call]) -> list[str]:
    """The files in the order of first entry."""
    return list(dict.fromkeys(call.file for call in walk))


def returns(walk: Sequence[Call]) -> int:
    """How often another file leads to a new function of a file that was entered before: visits less files."""
    return len(visits(walk)) - len(files_of(walk))


def record(package: Path, run: Callable[[], object]) -> list[Call]:
    """The first call of every function of the files below ``package`` while ``run`` runs."""
    folder = str(package) + os.sep
    walk: list[Call] = []
    seen = set()

    def enter(frame: FrameType, event: str, _: object) -> None:
        code = frame.f_code
        # '<genexpr>' and the like are a part of the function around them.
        if event != 'call' or not code.co_filename.startswith(folder) or code.co_name.startswith('<') or code in seen:
            return
        seen.add(code)
        caller = frame.f_back
        while caller and not caller.f_code.co_filename.startswith(folder):
            caller = caller.f_back
        names = [Path(f.f_code.co_filename[len(folder) :]).as_posix() if f else '' for f in (frame, caller)]
        walk.append(Call(names[0], getattr(code, 'co_qualname', code.co_name), names[1]))  # co_qualname: Python 3.11

    sys.setprofile(enter)
    try:
        run()
    finally:
        sys.setprofile(None)
    return walk


def record_step(config: str) -> list[Call]:
    """Takes two samples of the config's training set from the data preprocessor to ``parse_losses``.

    Late losses begin at once.
    """
    import torch
    from mmengine.config import Config
    from mmengine.registry import init_default_scope

    import slan_mm
    from slan_mm.registry import DATASETS, MODELS

    cfg = Config.fromfile(config)
    init_default_scope('slan_mm')
    if 'objective' in cfg.model:
        cfg.model.objective.update(locator_start=0, itm_start=0)
    torch.manual_seed(0)
    model = MODELS.build(cfg.model).train()
    dataset = DATASETS.build(cfg.train_dataloader.dataset)
    samples = [dataset[number] for number in range(2)]
    batch = {key: [sample[key] for sample in samples] for key in samples[0]}
    return record(
        Path(slan_mm.__file__).parent,
        lambda: model.parse_losses(model(**model.data_preprocessor(batch, True), mode='loss')),
    )


def main(arguments: Sequence[str]) -> None:
    """Prints the walk of the config as json."""
    print(json.dumps(record_step(arguments[0])))


if __name__ == '__main__':
    main(sys.argv[1:])
