"""What the inferencers of all tasks share: model, pictures, batches, drawings, files."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from inspect import signature
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from mmengine.config import Config
from mmengine.dataset import Compose, pseudo_collate
from mmengine.infer import BaseInferencer
from PIL import Image
from rich.console import Console
from rich.progress import track
from torch import nn

from slan_mm.apis.answers import Unread, page_name, report_unread, to_json
from slan_mm.apis.model import load_model
from slan_mm.apis.settings import model_class
from slan_mm.applied_config import picture_size
from slan_mm.arguments import ARGUMENTS, check_argument, checked
from slan_mm.atomic_files import replaced_atomically
from slan_mm.config import read_config
from slan_mm.datasets.pictures import read_picture
from slan_mm.datasets.unreadable import UnreadableImageError
from slan_mm.engine.checkpoint_io import existing_checkpoint
from slan_mm.own_files import claim
from slan_mm.registry import TRANSFORMS
from slan_mm.visualization import Canvas, DrawnPicture, LabelledBox, draw_regions

T = TypeVar('T')
#: The file of a call's predictions.
PREDICTIONS = 'predictions.json'


class TaskInferencer(BaseInferencer):
    """A trained model at hand, in the manner of MMEngine's inferencers.

    ``__call__`` of a task takes pictures (a path, an array, a PIL image, several of these, or a folder) and what the
    task asks of them, makes *items*, one a prediction (:meth:`prepare`), and hands them to MMEngine's flow: batches
    through the model under a progress bar, then drawings, then results. It returns
    ``dict(predictions, visualization)``: a dict for each item that json can write, and the pages drawn as (H, W, 3)
    uint8 arrays, or None where none was asked for.

    What every ``__call__`` takes beside its own arguments:

    - ``batch_size``: items that go through the model together. It does not change any prediction.
    - ``return_datasamples``: predictions are the model's own data samples.
    - ``show``: open each page in the desktop's picture viewer.
    - ``img_out_dir``: folder that pages are written to, as ``<number>_<name>.jpg``.
    - ``pred_out_dir``: folder that ``predictions.json``, the list of all predictions, is written to.

    A picture that cannot be read loses none of the others' answers: its prediction is ``dict(image, error)``, and it is
    logged (with ``return_datasamples`` its place holds an :class:`Unread`). It is an error where it is the only one.

    Arguments are checked by name, see :mod:`slan_mm.arguments`, before a picture is read. Files of an output folder
    that no inferencer has written are never overwritten.

    Args:
        model: The model's config, or its file.
        weights: Its checkpoint; None: that of ``load_from`` in the config.
        device: 'cpu', 'cuda', ...; None: a GPU where there is one.
        cfg_options: Settings that override the config's, nested keys with dots.
        show_progress: Whether to show a progress bar, where the standard error output is a terminal.

    Raises:
        FileNotFoundError: There is no such config or checkpoint.
        ValueError: No checkpoint is given, or another model's; the config cannot be read, does not tell the size of
            pictures, or its model cannot be built or cannot do the task.
    """

    #: What the task is called.
    task: str
    #: Whether a call asks something of the pictures, in texts.
    takes_text: bool = True
    #: Whether an item has a sequence of pictures.
    several_pictures: bool = False
    #: What the class of a model must have for the task: methods, or arguments of its ``__init__``.
    needs: tuple[str, ...] = ()
    visualize_kwargs = {'show', 'img_out_dir'}
    postprocess_kwargs = {'pred_out_dir'}

    @checked
    def __init__(
        self,
        model: str | Path | Config,
        weights: str | Path | None = None,
        device: str | None = None,
        cfg_options: Mapping[str, Any] | None = None,
        show_progress: bool = True,
    ) -> None:
        cfg = read_config(model, cfg_options)
        weights = weights or cfg.get('load_from')
        if not weights:
            raise ValueError('weights are needed: give a checkpoint, the config has no load_from either')
        self.check_model(cfg, weights)
        # MMEngine's own bar does not know how many there are.
        super().__init__(cfg, str(weights), device, cfg.get('default_scope', 'slan_mm'), show_progress=False)
        self.show_bar = show_progress

    def __call__(self, *call: Any, **options: Any) -> dict:
        """MMEngine's flow over a ``call``: its items, ``return_datasamples`` and ``batch_size``.

        Raises:
            FileExistsError: A file that would be written is there, and no inferencer has written it.
        """
        self.claim_files([item['sample_id'] for item in call[0]], **options)
        return super().__call__(*call, **options)

    @staticmethod
    def claim_files(
        names: Sequence[str], img_out_dir: str | Path = '', pred_out_dir: str | Path = '', **options: Any
    ) -> None:
        """Makes sure, before the model runs, that the pages of ``names`` and the predictions can be written."""
        if img_out_dir:
            claim(Path(img_out_dir), [page_name(number, name) for number, name in enumerate(names)])
        if pred_out_dir:
            claim(Path(pred_out_dir), [PREDICTIONS])

    @classmethod
    def check_model(cls, cfg: Config, weights: str | Path) -> None:
        """Whether the config's model can do the task and the checkpoint is there; nothing is built or loaded.

        Raises:
            FileNotFoundError: There is no such checkpoint.
            ValueError: There is no such model, or it cannot do the task.
        """
        kind = model_class(cfg)
        known = signature(kind.__init__).parameters
        lacking = [name for name in cls.needs if not hasattr(kind, name) and name not in known]
        if lacking:
            raise ValueError(
                f'{cls.task}: {kind.__name__} has no {", ".join(lacking)}. Give the config of a model that was made '
                'for this task'
            )
        if '://' not in str(weights):
            existing_checkpoint(weights)

    @classmethod
    def prepare(cls, inputs: Any, *texts: Any, **own: Any) -> list[dict]:
        """The items of a call, one a prediction, from its pictures, its ``texts``, and the task's ``own`` options.

        No model is needed and no picture is opened.

        Raises:
            UnreadableImageError: There is no such picture.
            ValueError: What ``__call__`` of the task says.
        """
        raise NotImplementedError

    @classmethod
    def read_texts(cls, texts: Sequence[str]) -> Any:
        """What a call is given of the texts of a command line: one for all pictures, or one for each."""
        return texts[0] if len(texts) == 1 else texts

    @classmethod
    def check_call(cls, inputs: Any, *texts: Any, **options: Any) -> None:
        """Tells mistakes in what a call would be given, before a model is there to be called.

        Raises:
            UnreadableImageError: There is no such picture.
            ValueError: There is no such option, or what ``__call__`` of the task says.
        """
        own = set(list(signature(cls.prepare).parameters)[1 + len(texts) :])
        shared = {'batch_size', 'return_datasamples'} | cls.visualize_kwargs | cls.postprocess_kwargs
        unknown = sorted(set(options) - own - shared - set(signature(cls.__call__).parameters))
        if unknown:
            known = sorted(own | cls.postprocess_kwargs - TaskInferencer.postprocess_kwargs)
            raise ValueError(
                f'{cls.task} has no option {", ".join(unknown)}; '
                + (f'its own are {", ".join(known)}' if known else 'it has none of its own')
            )
        for name in options.keys() & ARGUMENTS.keys():
            check_argument(name, options[name])
        cls.prepare(inputs, *texts, **{name: value for name, value in options.items() if name in own})

    def _init_model(self, cfg: Config, weights: str, device: str = 'cpu') -> nn.Module:
        return load_model(cfg, weights, device)

    def _init_pipeline(self, cfg: Config) -> Callable[[dict], dict]:
        """From an item to what a data loader would collate."""
        resize = TRANSFORMS.build(dict(type='ResizeImage', size=picture_size(cfg)))

        def load_and_resize(item: dict) -> dict:
            pictures = self.load(item)
            resized = [resize(dict(img=picture))['img'] for picture in pictures]
            size = pictures[0].shape[:2]
            return {**item, 'img': resized if self.several_pictures else resized[0], 'ori_shape': size}

        return Compose([load_and_resize, TRANSFORMS.build(dict(type='PackPairs'))])

    def _init_collate(self, cfg: Config) -> Callable:
        return pseudo_collate

    def _init_visualizer(self, cfg: Config) -> None:
        """None: pages are drawn by :mod:`slan_mm.visualization`."""

    def load(self, item: dict) -> list[np.ndarray]:
        """The pictures of an item, each (H, W, 3) uint8 RGB: one, unless ``several_pictures``."""
        return [read_picture(item['picture'])]

    def progress(self, items: Sequence[T], what: str) -> Iterable[T]:
        """``items`` one by one, under a progress bar unless it is off or nobody would see it."""
        if not self.show_bar or not sys.stderr.isatty():
            return items
        return track(items, what, console=Console(stderr=True), transient=True)

    def preprocess(self, inputs: Sequence[dict], batch_size: int = 1) -> Iterator[list]:
        """Batches of ``inputs`` as the pipeline makes them, or :class:`Unread`, under a progress bar."""
        items = map(self._read_item, self.progress(inputs, self.task))
        while batch := list(islice(items, batch_size)):
            yield batch

    def _read_item(self, item: dict) -> Any:
        try:
            return self.pipeline(item)
        except UnreadableImageError as error:
            return Unread(item['img_path'], error)

    def forward(self, inputs: list, **options: Any) -> list:
        """The model's data samples of a batch; what could not be read stays in its place."""
        read = [entry for entry in inputs if not isinstance(entry, Unread)]
        answers = iter(super().forward(self.collate_fn(read), **options) if read else ())
        return [entry if isinstance(entry, Unread) else next(answers) for entry in inputs]

    def describe(self, prediction: dict) -> str:
        """A prediction in lines for people."""
        return prediction['error'] if 'error' in prediction else self.describe_answer(prediction)

    def describe_answer(self, prediction: dict) -> str:
        """:meth:`describe`, of a picture that could be read."""
        raise NotImplementedError

    def to_dict(self, sample: Any) -> dict:
        """A data sample's prediction, as json can write it."""
        raise NotImplementedError

    def boxes(self, prediction: dict) -> list[LabelledBox]:
        """The boxes of a prediction, best first, of a task that has any: they are drawn into videos."""
        raise NotImplementedError

    def _dispatch_kwargs(self, **options: Any) -> tuple[dict, dict, dict, dict]:
        """MMEngine's; what chooses the answers (``top``, ...) is for the pages as for the results."""
        *before, drawing, packing = super()._dispatch_kwargs(**options)
        chosen = {name: value for name, value in packing.items() if name not in TaskInferencer.postprocess_kwargs}
        return (*before, {**drawing, **chosen}, packing)

    def draw(self, item: dict, sample: Any) -> Canvas:
        """The page of an item: its pictures, and under the first the lines of :meth:`describe`.

        A task whose answers are chosen by options (``top``, ...) is given them.
        """
        images = self.load(item)
        lines = [' | '.join(self.describe(self.to_dict(sample)).splitlines())] + [''] * (len(images) - 1)
        drawn = [DrawnPicture(image, image.shape[:2], text) for image, text in zip(images, lines, strict=True)]
        return draw_regions(drawn, columns=len(drawn), column_width=420.0)

    def visualize(
        self,
        inputs: Sequence[dict],
        preds: Sequence[Any],
        show: bool = False,
        img_out_dir: str | Path = '',
        **options: Any,
    ) -> list[np.ndarray] | None:
        """Draws a page for each item, where it is to be shown or written; ``options`` go to :meth:`draw`."""
        if not show and not img_out_dir:
            return None
        pages = []
        for number, (item, sample) in enumerate(self.progress(list(zip(inputs, preds, strict=True)), 'pages')):
            if isinstance(sample, Unread):
                continue
            canvas = self.draw(item, sample, **options)
            if img_out_dir:
                canvas.save(Path(img_out_dir) / page_name(number, item['sample_id']))
            page = canvas.pixels()
            if show:
                Image.fromarray(page).show(title=item['sample_id'])
            pages.append(page)
        return pages

    def postprocess(
        self,
        preds: Sequence[Any],
        visualization: list[np.ndarray] | None,
        return_datasamples: bool = False,
        pred_out_dir: str | Path = '',
        **options: Any,
    ) -> dict:
        """``dict(predictions, visualization)``; writes the predictions where asked. ``options`` go to ``to_dict``.

        Raises:
            ValueError: A number of an answer is not finite.
        """
        report_unread(preds)
        predictions = [
            sample.to_dict() if isinstance(sample, Unread) else self.to_dict(sample, **options) for sample in preds
        ]
        content = to_json(self.task, predictions)
        if pred_out_dir:
            with replaced_atomically(Path(pred_out_dir) / PREDICTIONS) as temporary:
                temporary.write_bytes(content)
        return dict(predictions=list(preds) if return_datasamples else predictions, visualization=visualization)
