"""Pictures and class names in, boxes out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from mmcv.transforms import Compose
from mmengine.config import Config

from slan_mm.apis.answers import box_text, one_for_each
from slan_mm.apis.base import TaskInferencer
from slan_mm.apis.processor import picture_items
from slan_mm.arguments import checked, list_of, text
from slan_mm.datasets.pictures import Picture, list_pictures
from slan_mm.models.heads.class_prompt import is_prompt, read_class_names
from slan_mm.visualization import Canvas, DrawnPhrase, DrawnPicture, LabelledBox, draw_regions

#: Steps of a test pipeline that read what an inferencer is given or has not.
_READING = ('LoadImageFromFile', 'LoadImageOrSkip', 'LoadAnnotations')


class DetectionInferencer(TaskInferencer):
    """Finds the things of some classes.

    .. code-block:: python

        inferencer = DetectionInferencer(CONFIG, CHECKPOINT)
        inferencer('street.jpg', 'person, traffic light')['predictions'][0]['boxes'][0]

    A prediction: ``image``, ``size`` [height, width], ``classes`` and ``boxes``, best first, of each its ``label``,
    ``box`` [x1, y1, x2, y2] in pixels of the picture and ``score``. A score is the sigmoid of the mean logit of the
    class' tokens: after fine-tuning the probability that the box is one of that class; of a model that was never
    fine-tuned it ranks boxes and has no other meaning.

    mmdet's ``DetInferencer`` works on these models, too.

    Args: see :class:`TaskInferencer`.
    """

    task = 'detection'
    needs = ('prompt_parts',)
    postprocess_kwargs = {'pred_out_dir', 'top', 'score_thr'}

    @checked(texts=list_of(list_of(text)))
    def __call__(
        self,
        inputs: Picture | Sequence[Picture],
        texts: str | Sequence[str] | Sequence[Sequence[str]],
        batch_size: int = 8,
        return_datasamples: bool = False,
        **options: Any,
    ) -> dict:
        """Finds the things of some classes, in all pictures the same or in each its own.

        Args:
            inputs: A picture, several, or a folder.
            texts: The classes: a text, see :func:`read_class_names`, or a list of names; or a list of such lists, one
                for each picture.
            batch_size, return_datasamples: See :class:`TaskInferencer`.
            options: ``top``, the most boxes of a picture in the results and drawings (20); ``score_thr``, the least
                score of these (0); a page shows ten unless ``top`` is given; and those of :class:`TaskInferencer`.

        Raises:
            UnreadableImageError: No picture can be read.
            ValueError: There is no class, one is empty, or two are the same; lists and pictures do not go together; or
                a list has a text of several classes.
        """
        return super().__call__(self.prepare(inputs, texts), return_datasamples, batch_size, **options)

    @classmethod
    @checked(texts=list_of(list_of(text)))
    def prepare(
        cls, inputs: Picture | Sequence[Picture], texts: str | Sequence[str] | Sequence[Sequence[str]]
    ) -> list[dict]:
        """See :class:`TaskInferencer`."""
        items = picture_items(list_pictures(inputs))
        lists: list[Any] = [texts] * len(items)
        if not isinstance(texts, str) and any(isinstance(names, list | tuple) for names in texts):
            lists = one_for_each(list(texts), len(items), 'lists of classes')
        elif not isinstance(texts, str):
            for name in texts:
                if isinstance(name, str) and is_prompt(name):
                    raise ValueError(
                        f'{name!r} stands in a list of classes and looks like a list itself. Give a list for each '
                        "picture, [['cat', 'dog'], ['bird']], or a single text for all"
                    )
        return [dict(item, text=read_class_names(names)) for item, names in zip(items, lists, strict=True)]

    @classmethod
    def read_texts(cls, texts: Sequence[str]) -> Any:
        """See :class:`TaskInferencer`; each text is a class list."""
        return [read_class_names(one) for one in texts] if len(texts) > 1 else texts[0]

    def _init_pipeline(self, cfg: Config) -> Callable[[dict], dict]:
        """The config's own test pipeline, which knows the sizes that a detector takes."""
        steps = [
            step
            for step in cfg.test_dataloader.dataset.pipeline
            if str(step['type']).rsplit('.', 1)[-1] not in _READING
        ]
        meta_keys = ('img_path', 'ori_shape', 'img_shape', 'scale_factor', 'text')
        steps[-1] = dict(steps[-1], meta_keys=meta_keys)

        def load(item: dict) -> dict:
            image = self.load(item)[0]
            # mmdet's pictures are BGR.
            shapes = dict(ori_shape=image.shape[:2], img_shape=image.shape[:2])
            return dict(item, img=np.ascontiguousarray(image[..., ::-1]), **shapes)

        return Compose([load, *steps])

    def to_dict(self, sample: Any, top: int = 20, score_thr: float = 0.0) -> dict:
        """See the class; ``top`` and ``score_thr``: the most boxes, and their least score."""
        found = sample.pred_instances.cpu()
        found = found[found.scores >= score_thr][:top]
        boxes = [
            dict(label=sample.text[label], box=box, score=score)
            for label, box, score in zip(
                found.labels.tolist(), found.bboxes.tolist(), found.scores.tolist(), strict=True
            )
        ]
        return dict(image=sample.img_path, size=list(sample.ori_shape), classes=list(sample.text), boxes=boxes)

    def describe_answer(self, prediction: dict) -> str:
        """A line for the picture, and one for each box."""
        lines = [f'{prediction["image"]}: {", ".join(prediction["classes"])}']
        for found in prediction['boxes']:
            lines.append(f'  {found["label"]}: {box_text(found["box"])}  score {found["score"]:.3f}')
        if not prediction['boxes']:
            lines.append('  no box with such a score')
        return '\n'.join(lines)

    def boxes(self, prediction: dict) -> list[LabelledBox]:
        """See :class:`TaskInferencer`; of each class in its own colour."""
        colors = {name: number for number, name in enumerate(prediction['classes'])}
        return [
            LabelledBox(f'{found["label"]} {found["score"]:.2f}', found['box'], colors[found['label']])
            for found in prediction['boxes']
        ]

    def draw(self, item: dict, sample: Any, top: int = 10, score_thr: float = 0.0) -> Canvas:
        """The picture with its best boxes, each in the colour of its name in the line under it."""
        image = self.load(item)[0]
        text, phrases = '', []
        for found in self.to_dict(sample, top, score_thr)['boxes']:
            text += ', ' if text else ''
            name = f'{found["label"]} {found["score"]:.2f}'
            phrases.append(DrawnPhrase([[len(text), len(text) + len(name)]], np.asarray([found['box']])))
            text += name
        picture = DrawnPicture(image, image.shape[:2], text, phrases)
        return draw_regions([picture], columns=1, column_width=420.0)
