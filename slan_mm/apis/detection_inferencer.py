"""Images and class names in, boxes out."""

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
    """Detects the objects of given classes.

    .. code-block:: python

        inferencer = DetectionInferencer(CONFIG, CHECKPOINT)
        inferencer('street.jpg', 'person, traffic light')['predictions'][0]['boxes'][0]

    A prediction: ``image``, ``size`` [height, width], ``classes`` and ``boxes``, best first, each with ``label``,
    ``box`` [x1, y1, x2, y2] in pixels of the image, and ``score``. The score is the sigmoid of the mean logit of the
    class name's tokens. After fine-tuning, it is the probability that the box belongs to the class; before
    fine-tuning, it only ranks boxes.

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
        """Detects objects, with the same classes for all images or different classes for each.

        Args:
            inputs: An image, several, or a folder.
            texts: The classes: a text, see :func:`read_class_names`, or a list of names; or a list of such lists, one
                for each image.
            batch_size, return_datasamples: See :class:`TaskInferencer`.
            options: ``top``, the maximum number of boxes per image in results (20) and drawings (10); ``score_thr``,
                their minimum score (0); and those of :class:`TaskInferencer`.

        Raises:
            UnreadableImageError: No image can be read.
            ValueError: There is no class, one is empty, or two are equal; the numbers of lists and images differ; or a
                text in a list has several classes.
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
        """The test pipeline of the config, which has the image sizes of the detector."""
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
        """See the class; ``top`` and ``score_thr``: maximum number of boxes, and their minimum score."""
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
        """A line for the image, and one for each box."""
        lines = [f'{prediction["image"]}: {", ".join(prediction["classes"])}']
        for found in prediction['boxes']:
            lines.append(f'  {found["label"]}: {box_text(found["box"])}  score {found["score"]:.3f}')
        if not prediction['boxes']:
            lines.append('  no box with such a score')
        return '\n'.join(lines)

    def boxes(self, prediction: dict) -> list[LabelledBox]:
        """See :class:`TaskInferencer`; each class has its own colour."""
        colors = {name: number for number, name in enumerate(prediction['classes'])}
        return [
            LabelledBox(f'{found["label"]} {found["score"]:.2f}', found['box'], colors[found['label']])
            for found in prediction['boxes']
        ]

    def draw(self, item: dict, sample: Any, top: int = 10, score_thr: float = 0.0) -> Canvas:
        """The image with its best boxes, in the colours of the class names below it."""
        image = self.load(item)[0]
        text, phrases = '', []
        for found in self.to_dict(sample, top, score_thr)['boxes']:
            text += ', ' if text else ''
            name = f'{found["label"]} {found["score"]:.2f}'
            phrases.append(DrawnPhrase([[len(text), len(text) + len(name)]], np.asarray([found['box']])))
            text += name
        picture = DrawnPicture(image, image.shape[:2], text, phrases)
        return draw_regions([picture], columns=1, column_width=420.0)
