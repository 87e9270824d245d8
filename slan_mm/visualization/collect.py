"""From what a test leaves behind (data samples, the retrieval evaluator) to what the figures show."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.logging import print_log
from PIL import Image
from torch import Tensor

from slan_mm.datasets.transforms.load_image import load_image
from slan_mm.datasets.unreadable import UnreadableImageError
from slan_mm.models.phrase_grounding import shown_boxes
from slan_mm.visualization.records import DrawnPhrase, DrawnPicture, ImageQuery, TextQuery, Thumbnail

_LONGEST = 800  # side of a picture that is kept for drawing, in pixels; larger files are shrunk


def visible_picture(sample: Any, inputs: Any = None) -> np.ndarray:
    """The picture of a data sample for people to look at: (H, W, 3) uint8 RGB.

    The file that ``img_path`` names; where that is no file (generated data, an archive) the model's ``inputs``, a
    (3, H, W) uint8 RGB tensor. Of a video, ``inputs`` (F, 3, H, W), the middle frame.

    Raises:
        FileNotFoundError: There is neither.
        UnreadableImageError: The file cannot be read.
    """
    if isinstance(inputs, Tensor) and inputs.dim() == 4:
        return inputs[len(inputs) // 2].cpu().numpy().transpose(1, 2, 0)
    path = str(sample.get('img_path') or '')
    if Path(path).is_file():
        image = Image.fromarray(load_image(path))
        image.thumbnail((_LONGEST, _LONGEST), Image.Resampling.LANCZOS)
        return np.asarray(image)
    if isinstance(inputs, Tensor):
        return inputs.cpu().numpy().transpose(1, 2, 0)
    raise FileNotFoundError(f'sample {sample.get("sample_id")!r} cannot be drawn: there is no file {path!r}')


def picture_name(sample: Any) -> str:
    """What figures call a data sample's picture: the name of its file, or the sample's where there is no file."""
    path = Path(str(sample.get('img_path') or ''))
    return path.name if path.is_file() else str(sample.get('sample_id'))


def drawn_picture(
    sample: Any, inputs: Any = None, answers: Sequence[tuple[Tensor, Tensor]] | None = None
) -> DrawnPicture:
    """A grounded data sample (``phrases``, ``pred_phrases``) as the figure shows it.

    Args:
        sample: See above.
        inputs: Its picture, see :func:`visible_picture`.
        answers: Of each phrase (boxes (n, 4), scores (n,)), which are both shown; None: its :func:`shown_boxes`,
            without scores.
    """
    phrases = []
    shown = shown_boxes(sample) if answers is None else answers
    for phrase, levels, (boxes, scores) in zip(sample.phrases, sample.pred_phrases, shown, strict=True):
        gold = phrase.get('boxes')
        phrases.append(
            DrawnPhrase(
                spans=phrase['spans'],
                answers=boxes.detach().cpu().numpy(),
                scores=None if answers is None else scores.detach().cpu().numpy(),
                start=_best(levels[0]) if len(levels) > 1 and len(levels[0]['boxes']) else None,
                gold=None if gold is None else np.asarray(gold, dtype=float).reshape(-1, 4),
            )
        )
    return DrawnPicture(visible_picture(sample, inputs), tuple(sample.ori_shape), sample.text, phrases)


def _best(level: dict[str, Tensor]) -> np.ndarray:
    return level['boxes'][0].detach().cpu().numpy()


def retrieval_tasks(loop: Any) -> list[tuple[str, Any, Any]]:
    """(task, evaluator, data set) of each retrieval task that a test ``loop`` has run."""
    evaluators = getattr(loop, 'evaluator', None)
    return [
        (name, evaluator, loop.dataloader[name].dataset)
        for name, evaluator in (evaluators.items() if isinstance(evaluators, dict) else ())
        if getattr(evaluator, 'gallery', None) is not None
    ]


def spread_queries(
    evaluator: Any, dataset: Any, count: int = 6, shown: int = 5
) -> tuple[list[TextQuery], list[ImageQuery]]:
    """``count`` queries each way, spread evenly over the gallery; see :func:`retrieval_queries`."""
    gallery = evaluator.gallery
    texts, images = _spread(len(gallery.texts), count), _spread(len(gallery.image_ids), count)
    return retrieval_queries(evaluator, dataset, texts, images, shown)


def retrieval_queries(
    evaluator: Any, dataset: Any, texts: Sequence[int], images: Sequence[int], shown: int = 5
) -> tuple[list[TextQuery], list[ImageQuery]]:
    """Queries of the last run of a ``RetrievalEvaluator`` with what they found.

    Args:
        evaluator: It has run.
        dataset: The data set it ran on, which gives the pictures.
        texts, images: Which of its gallery's ask.
        shown: Candidates of each.
    """
    gallery, i2t, t2i = evaluator.gallery, evaluator.i2t, evaluator.t2i
    place = {str(dataset.get_data_info(index)['image_id']): index for index in range(len(dataset))}
    pictures: dict[int, Thumbnail] = {}

    def picture(image: int) -> Thumbnail:
        if image not in pictures:
            item = dataset[place[gallery.image_ids[image]]]
            sample = item['data_samples']
            visible = Image.fromarray(visible_picture(sample, item['inputs']))
            visible.thumbnail((_LONGEST // 3, _LONGEST // 3), Image.Resampling.LANCZOS)
            pictures[image] = Thumbnail(np.asarray(visible), tuple(sample.get('ori_shape') or visible.size[::-1]))
        return pictures[image]

    text_queries = [
        TextQuery(
            text=gallery.texts[text],
            found=[picture(image) for image in t2i.shortlist[text, :shown].tolist()],
            gold=[image == gallery.text_image[text] for image in t2i.shortlist[text, :shown].tolist()],
            rank=int(final_ranks(t2i)[text]),
            right=picture(int(gallery.text_image[text])),
        )
        for text in texts
    ]
    image_queries = [
        ImageQuery(
            picture=picture(image),
            found=[gallery.texts[text] for text in i2t.shortlist[image, :shown].tolist()],
            gold=[gallery.text_image[text] == image for text in i2t.shortlist[image, :shown].tolist()],
            rank=int(final_ranks(i2t)[image]),
            right=gallery.texts[int(np.argmax(gallery.text_image == image))],
        )
        for image in images
    ]
    return text_queries, image_queries


def final_ranks(direction: Any) -> np.ndarray:
    """(Q,) ranks of the best right candidate, by the final score; of a ``Direction``."""
    return direction.shortlist_ranks if direction.ranks is None else direction.ranks


def _spread(total: int, count: int) -> list[int]:
    """``count`` different numbers below ``total``, evenly spaced; all of them where there are fewer."""
    count = min(count, total)
    return [number * total // count for number in range(count)]


def drawn_pictures(samples: Sequence[Any], inputs: Sequence[Any]) -> list[DrawnPicture]:
    """:func:`drawn_picture` of each grounded sample; one whose picture is not to be had is left out with a warning."""
    drawn = []
    for sample, picture in zip(samples, inputs, strict=True):
        try:
            drawn.append(drawn_picture(sample, picture))
        except (OSError, UnreadableImageError) as error:
            print_log(f'not drawn: {error}', 'current', logging.WARNING)
    return drawn
