"""The walk of a training step: which files of ``slan_mm`` it enters, in which order.

How a reader's walk is counted:

- *the model*: the files of the model's class and of its bases, and any other file that calls them. ``SLAN.loss`` is
  there; it stays open.
- *a stage*: what the model leads to, up to its next call of another file. A stage has the file that is called, and the
  files that this one leads to. Going back and forth among the files of one stage is no return.
- *vocabulary*: the files of ``VOCABULARY``, by name. They hold records, box arithmetic and the like, which every part
  uses as it uses PyTorch. They belong to no stage.
- *a return*: a stage leads to something new in a file of an earlier stage; once a stage and file.
- *a visit*: a step from file to file that leads to a function that was not entered before, whichever file it is.

Run as a script it prints the walk as json, of the ``slan_mm`` that Python finds; :func:`walk_of` runs it for a tree.
"""

import inspect
import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType
from typing import NamedTuple

VOCABULARY = {
    'structures.py',
    'pair_index.py',
    'plain_text.py',
    'models/dist.py',
    'models/locator/boxes.py',
    # Their former names, for trees of that time.
    'text.py',
    'models/locator/pairs.py',
    'models/objectives/gather.py',
}


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


class Stage(NamedTuple):
    """A stage of the walk: its files in the order of entry, and those of earlier stages that it leads to again."""

    files: list[str]
    again: list[str]


class Walk(NamedTuple):
    """A training step: the files of the model's class and its bases, and the first call of each function in order."""

    model: list[str]
    calls: list[Call]


def walk_of(root: Path, config: str) -> Walk:
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
    return read_walk(done.stdout)


def read_walk(printed: str) -> Walk:
    """The walk that :func:`main` has printed as its last line."""
    model, calls = json.loads(printed.splitlines()[-1])
    return Walk(model, [Call(*call) for call in calls])


def visits(calls: Sequence[Call]) -> list[Visit]:
    """The steps from file to file. What a file's own function calls in it belongs to the file's last visit."""
    found: list[Visit] = []
    for file, function, caller in calls:
        last = next((visit for visit in reversed(found) if visit.file == file), None)
        if last is None or (caller != file and last is not found[-1]):
            last = Visit(file, caller, [])
            found.append(last)
        last.functions.append(function)
    return found


def files_of(calls: Sequence[Call]) -> list[str]:
    """The files in the order of first entry, without vocabulary."""
    return [file for file in dict.fromkeys(call.file for call in calls) if file not in VOCABULARY]


def vocabulary_of(calls: Sequence[Call]) -> list[str]:
    """The entered files of ``VOCABULARY``."""
    return [file for file in dict.fromkeys(call.file for call in calls) if file in VOCABULARY]


def model_files(walk: Walk) -> set[str]:
    """The files of the model, those included that call it."""
    own = set(walk.model)
    while calling := {call.caller for call in walk.calls if call.file in own and call.caller} - own:
        own |= calling
    return own


def stages(walk: Walk) -> list[Stage]:
    """The stages of a walk in order."""
    own, found, seen = model_files(walk), [Stage([], [])], set()
    for file, _, caller in walk.calls:
        if file in own or file in VOCABULARY:
            continue
        if (not caller or caller in own) and found[-1].files[:1] != [file]:
            seen |= {*found[-1].files}
            found.append(Stage([], []))
        stage = found[-1]
        if file not in stage.files:
            stage.files.append(file)
            if file in seen:
                stage.again.append(file)
    return [stage for stage in found if stage.files]


def repeated(calls: Sequence[Call]) -> int:
    """How many visits are to a file that was entered before, whichever file it is."""
    return len(visits(calls)) - len({call.file for call in calls})


def returns(walk: Walk) -> int:
    """How often a stage leads to a file of an earlier one."""
    return sum(len(stage.again) for stage in stages(walk))


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


def record_step(config: str) -> Walk:
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
    package = Path(slan_mm.__file__).parent
    sources = [Path(inspect.getfile(kind)) for kind in type(model).__mro__ if kind.__module__.startswith('slan_mm.')]
    return Walk(
        [source.relative_to(package).as_posix() for source in sources],
        record(package, lambda: model.parse_losses(model(**model.data_preprocessor(batch, True), mode='loss'))),
    )


def main(arguments: Sequence[str]) -> None:
    """Prints the walk of the config as json."""
    print(json.dumps(record_step(arguments[0])))


if __name__ == '__main__':
    main(sys.argv[1:])
