"""The model of the app: loaded once, asked by one user at a time."""

from __future__ import annotations

from pathlib import Path
from threading import RLock
from typing import Any

from slan_mm.apis import INFERENCERS, PictureSearch, TaskInferencer
from slan_mm.config import read_config


class AppModel:
    """A model and the inferencers of what it can do. They share one network, and are made when they are asked for.

    Args:
        model: Its config file, or a folder or a name that :func:`read_config` takes.
        weights: Its checkpoint; None: what the config says.
        device: 'cpu', 'cuda', ...; None: a GPU where there is one.

    Raises:
        ValueError, FileNotFoundError: What :class:`TaskInferencer` says.
    """

    def __init__(self, model: str | Path, weights: str | Path | None = None, device: str | None = None) -> None:
        self.cfg = read_config(model)
        self.weights = weights or self.cfg.get('load_from')
        if not self.weights:
            raise ValueError('a checkpoint is needed: the config has no load_from either')
        self.device = device
        #: What a title calls it: no path.
        self.name = f'{Path(model).name.removesuffix(".py")} ({Path(str(self.weights)).name})'
        #: Held while the network works: whoever comes meanwhile waits.
        self.lock = RLock()
        self._made: dict[str, TaskInferencer] = {}
        if not self.tasks:
            PictureSearch.check_model(self.cfg, self.weights)  # says what it lacks
        else:
            self.inferencer(self.tasks[0])

    @property
    def tasks(self) -> list[str]:
        """What it can do: names of ``INFERENCERS``, and 'search'."""
        return [name for name, kind in {**INFERENCERS, 'search': PictureSearch}.items() if self._can(kind)]

    @property
    def tells_presence(self) -> bool:
        """Whether its answers have ``present``: it grounds, and ``tools/calibrate.py`` has written it."""
        presence = getattr(self.inferencer('grounding').model, 'presence', None) if 'grounding' in self.tasks else None
        return presence is not None and presence.calibrated

    def _can(self, kind: type[TaskInferencer]) -> bool:
        try:
            kind.check_model(self.cfg, self.weights)
        except ValueError:
            return False
        return True

    def inferencer(self, task: str) -> Any:
        """The inferencer of a task.

        Raises:
            ValueError: The model cannot do it.
        """
        with self.lock:
            if task not in self._made:
                kind: Any = PictureSearch if task == 'search' else INFERENCERS[task]
                made = kind(self.cfg, self.weights, device=self.device, show_progress=False)
                for other in self._made.values():
                    made.model = other.model
                self._made[task] = made
            return self._made[task]
