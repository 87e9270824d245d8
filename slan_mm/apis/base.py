"""Common base of the inferencers of all tasks: model, images, batches, drawings, files."""

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
    """Base class of the inferencers, in the style of MMEngine's.

    ``__call__`` of a task takes images (a path, an array, a PIL image, several of these, or a folder) and texts. It
    makes one *item* per prediction (:meth:`prepare`) and passes them to MMEngine's flow: batches through the model with
    a progress bar, then drawings, then results. It returns ``dict(predictions, visualization)``: for each item a dict
    that json can write, and the drawn pages as (H, W, 3) uint8 arrays, or None if no page was requested.

    Common options of every ``__call__``:

    - ``batch_size``: items per batch. It does not change any prediction.
    - ``return_datasamples``: return the model's data samples as predictions.
    - ``show``: open each page in the image viewer of the desktop.
    - ``img_out_dir``: folder for the pages, ``<number>_<name>.jpg``.
    - ``pred_out_dir``: folder for ``predictions.json``, the list of all predictions.

    An unreadable image does not affect the other predictions: it is logged, and its prediction is
    ``dict(image, error)``, or an :class:`Unread` with ``return_datasamples``. A single unreadable image is an error.

    Arguments are checked, see :mod:`slan_mm.arguments`, before an image is read. Files in an output folder are
    overwritten only if an inferencer has written them.

    Args:
        model: The model's config, or its file.
        weights: The checkpoint; None: the one in ``load_from`` of the config.
        device: 'cpu', 'cuda', ...; None: a GPU if there is one.
        cfg_options: Settings that override the config, nested keys with dots.
        show_progress: Whether to show a progress bar, if the standard error output is a terminal.

    Raises:
        FileNotFoundError: The config or the checkpoint does not exist.
        ValueError: The checkpoint is missing or belongs to another model; the config cannot be read or has no image
            size; or its model cannot be built or does not support the task.
    """

    #: The name of the task.
    task: str
    #: Whether a call takes texts.
    takes_text: bool = True
    #: Whether an item has several images.
    several_pictures: bool = False
    #: Methods of the model class, or arguments of its ``__init__``, that the task needs.
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
        """Runs MMEngine's flow on a ``call``: items, ``return_datasamples`` and ``batch_size``.

        Raises:
            FileExistsError: An output file exists, and no inferencer has written it.
        """
        self.claim_files([item['sample_id'] for item in call[0]], **options)
        return super().__call__(*call, **options)

    @staticmethod
    def claim_files(
        names: Sequence[str], img_out_dir: str | Path = '', pred_out_dir: str | Path = '', **options: Any
    ) -> None:
        """Checks, before the model runs, that the pages of ``names`` and the predictions can be written."""
        if img_out_dir:
            claim(Path(img_out_dir), [page_name(number, name) for number, name in enumerate(names)], 'answers')
        if pred_out_dir:
            claim(Path(pred_out_dir), [PREDICTIONS], 'answers')

    @classmethod
    def check_model(cls, cfg: Config, weights: str | Path) -> None:
        """Checks that the config's model supports the task and that the checkpoint exists; builds and loads nothing.

        Raises:
            FileNotFoundError: The checkpoint does not exist.
            ValueError: The model does not exist, or does not support the task.
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
        """Makes the items of a call, one per prediction, from images, ``texts``, and the ``own`` options of the task.

        No model is needed and no image is opened.

        Raises:
            UnreadableImageError: There is no such image.
            ValueError: As ``__call__`` of the task says.
        """
        raise NotImplementedError

    @classmethod
    def read_texts(cls, texts: Sequence[str]) -> Any:
        """The argument of a call for the texts of a command line: one for all images, or one for each."""
        return texts[0] if len(texts) == 1 else texts

    @classmethod
    def check_call(cls, inputs: Any, *texts: Any, **options: Any) -> None:
        """Checks the arguments of a call without a model.

        Raises:
            UnreadableImageError: There is no such image.
            ValueError: An option does not exist; or as ``__call__`` of the task says.
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
        """The images of an item, each (H, W, 3) uint8 RGB: one, unless ``several_pictures``."""
        return [read_picture(item['picture'])]

    def progress(self, items: Sequence[T], what: str) -> Iterable[T]:
        """``items`` one by one, with a progress bar if it is on and there is a terminal."""
        if not self.show_bar or not sys.stderr.isatty():
            return items
        return track(items, what, console=Console(stderr=True), transient=True)

    def preprocess(self, inputs: Sequence[dict], batch_size: int = 1) -> Iterator[list]:
        """Batches of ``inputs`` from the pipeline, or :class:`Unread`, with a progress bar."""
        items = map(self._read_item, self.progress(inputs, self.task))
        while batch := list(islice(items, batch_size)):
            yield batch

    def _read_item(self, item: dict) -> Any:
        try:
            return self.pipeline(item)
        except UnreadableImageError as error:
            return Unread(item['img_path'], error)

    def forward(self, inputs: list, **options: Any) -> list:
        """The model's data samples of a batch; an :class:`Unread` keeps its place."""
        read = [entry for entry in inputs if not isinstance(entry, Unread)]
        answers = iter(super().forward(self.collate_fn(read), **options) if read else ())
        return [entry if isinstance(entry, Unread) else next(answers) for entry in inputs]

    def describe(self, prediction: dict) -> str:
        """A prediction as readable text."""
        return prediction['error'] if 'error' in prediction else self.describe_answer(prediction)

    def describe_answer(self, prediction: dict) -> str:
        """:meth:`describe` for an image that could be read."""
        raise NotImplementedError

    def to_dict(self, sample: Any) -> dict:
        """A data sample's prediction, as json can write it."""
        raise NotImplementedError

    def boxes(self, prediction: dict) -> list[LabelledBox]:
        """The boxes of a prediction, best first, if the task has boxes. They are drawn into videos."""
        raise NotImplementedError

    def _dispatch_kwargs(self, **options: Any) -> tuple[dict, dict, dict, dict]:
        """As MMEngine's, but options that select results (``top``, ...) also apply to the pages."""
        *before, drawing, packing = super()._dispatch_kwargs(**options)
        chosen = {name: value for name, value in packing.items() if name not in TaskInferencer.postprocess_kwargs}
        return (*before, {**drawing, **chosen}, packing)

    def draw(self, item: dict, sample: Any) -> Canvas:
        """The page of an item: its images, with the lines of :meth:`describe` under the first.

        Options that select results (``top``, ...) are passed to it.
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
        """Draws a page for each item, if it is shown or written; ``options`` go to :meth:`draw`."""
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
        """``dict(predictions, visualization)``; writes the predictions if requested. ``options`` go to ``to_dict``.

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
