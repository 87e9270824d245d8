"""Ranks images for each text, or texts for each image."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from slan_mm.apis.answers import Unread, report_unread
from slan_mm.apis.base import TaskInferencer
from slan_mm.apis.processor import picture_items
from slan_mm.arguments import checked
from slan_mm.datasets.pictures import Picture, list_pictures
from slan_mm.evaluation.rerank import shortlist
from slan_mm.file_endings import PICTURES
from slan_mm.pair_index import PairIndex
from slan_mm.structures import ImageFeatures, TextFeatures
from slan_mm.visualization import Canvas, DrawnPicture, draw_regions


def scores_text(entry: dict) -> str:
    """The scores of a result."""
    return f'score {entry["score"]:.2f}, match {entry["match"]:.2f}'


def found_name(rank: int, entry: dict) -> str:
    """The name of a result on a page: rank and file name."""
    return f'{rank}. {Path(entry["image"]).name}'


class RetrievalInferencer(TaskInferencer):
    """Ranks images for texts, or texts for images, as in the evaluation of retrieval.

    .. code-block:: python

        inferencer = RetrievalInferencer(CONFIG, CHECKPOINT)
        result = inferencer('my/pictures', ['a dog on a beach', 'two cats'], top=5)
        result['predictions'][0]['found'][0]['image']  # the best picture of the first text

    There is one prediction per query: ``text`` and ``found``, a list of ``image``, ``score`` and ``match``, best first.
    With ``direction='i2t'``: ``image`` and ``found``, a list of ``text``, ``score`` and ``match``.

    ``score`` is the mixed score of ITC and region-word terms plus ``itm_weight`` x the ITM logit; use it
    only to compare candidates of one model. ``match`` is the ITM head's probability, in [0, 1], that text and image
    match; it was trained with as many hard negatives as true pairs, so it is not the frequency in a larger
    collection.

    An unreadable image is logged and never found; with 'i2t' its prediction has the error.

    All features are kept in memory: for thousands of images use :class:`PictureSearch`.

    Args: see :class:`TaskInferencer`.
    """

    task = 'retrieval'
    needs = ('shortlist_scores', 'itm_scores')
    endings = PICTURES

    @torch.no_grad()
    @checked
    def __call__(
        self,
        inputs: Picture | Sequence[Picture],
        texts: str | Sequence[str],
        direction: str = 't2i',
        top: int = 10,
        itm_weight: float | None = None,
        batch_size: int = 32,
        **options: Any,
    ) -> dict:
        """Searches.

        Args:
            inputs: An image, several, or a folder.
            texts: One text or several.
            direction: 't2i': find images for texts; 'i2t': find texts for images.
            top: Maximum number of results per query: the best by the mixed score, sorted by the final score.
            itm_weight: See the class; None: the model's own weight, see :meth:`weight_of_itm`.
            batch_size: Images, texts or pairs per batch.
            options: See :class:`TaskInferencer`.

        Raises:
            UnreadableImageError: No image can be read.
            ValueError: There is no text, one is empty, or an argument is out of range.
        """
        pictures = self.prepare(inputs, texts, direction, top)
        texts = [texts] if isinstance(texts, str) else list(texts)
        _, _, drawing, packing = self._dispatch_kwargs(**options)
        asked = len(texts) if direction == 't2i' else len(pictures)
        self.claim_files([f'query-{number}' for number in range(asked)], **options)
        unread, image, text = self._encode(pictures, texts, batch_size)
        pictures = [item for item, entry in zip(pictures, unread, strict=True) if entry is None]
        mixed = self.model.shortlist_scores(image, text).float().cpu().numpy()
        by_text = direction == 't2i'
        found = shortlist(mixed.T if by_text else mixed, top)
        asking = np.repeat(np.arange(len(found)), found.shape[1])
        rows, columns = (found.ravel(), asking) if by_text else (asking, found.ravel())
        itm = self._itm(image, text, rows, columns, batch_size)
        scores = (mixed[rows, columns] + self.model.weight_of_itm(itm_weight) * itm).reshape(found.shape)
        match = torch.from_numpy(itm).sigmoid().numpy().reshape(found.shape)

        of_texts = [dict(text=text) for text in texts]
        of_pictures = [dict(image=item['image_id']) for item in pictures]
        queries, candidates = (of_texts, of_pictures) if by_text else (of_pictures, of_texts)
        items, results = [], []
        for number, query in enumerate(queries):
            order = np.argsort(-scores[number], kind='stable')
            best = found[number, order]
            entries = [
                dict(candidates[place], score=float(score), match=float(probability))
                for place, score, probability in zip(best, scores[number, order], match[number, order], strict=True)
            ]
            results.append(dict(query, found=entries))
            shown = [pictures[place] for place in best] if by_text else [pictures[number]]
            items.append(dict(sample_id=f'query-{number}', shown=shown))
        pages = self.visualize(items, results, **drawing)
        if not by_text:
            answered = iter(results)
            results = [next(answered) if entry is None else entry.to_dict() for entry in unread]
        return self.postprocess(results, pages, **packing)

    @classmethod
    @checked
    def prepare(
        cls, inputs: Picture | Sequence[Picture], texts: str | Sequence[str], direction: str = 't2i', top: int = 10
    ) -> list[dict]:
        """The images' items; see :class:`TaskInferencer`."""
        return picture_items(list_pictures(inputs, cls.endings))

    def _encode(
        self, items: list[dict], texts: list[str], batch_size: int
    ) -> tuple[list[Unread | None], ImageFeatures, TextFeatures]:
        """Features of readable images and of the texts; and, for each image, None or why it is unreadable."""
        images: list[ImageFeatures] = []
        entries: list[Unread | None] = []
        for batch in self.preprocess(items, batch_size):
            read = [entry for entry in batch if not isinstance(entry, Unread)]
            entries += [entry if isinstance(entry, Unread) else None for entry in batch]
            if read:
                inputs = self.model.data_preprocessor(self.collate_fn(read), False)['inputs']
                images.append(self.model.encode_image(inputs))
        report_unread(entries)
        parts = [texts[start : start + batch_size] for start in range(0, len(texts), batch_size)]
        text = TextFeatures.cat([self.model.encode_text(part) for part in parts])
        return entries, ImageFeatures.cat(images), text

    def _itm(
        self, image: ImageFeatures, text: TextFeatures, rows: np.ndarray, columns: np.ndarray, batch_size: int
    ) -> np.ndarray:
        """ITM logits of the pairs (image ``rows[p]``, text ``columns[p]``)."""
        # The pairs of an image are sorted together, so that computations on the image alone are done once.
        order = np.argsort(rows, kind='stable')
        pairs = torch.from_numpy(np.stack([rows, columns])[:, order]).to(image.embedding.device)
        logits = np.empty(len(rows), dtype=np.float32)
        for start in self.progress(range(0, len(order), batch_size), 'ITM scores'):
            index, images, texts = PairIndex.among(*pairs[:, start : start + batch_size])
            itm = self.model.itm_scores(image[images].for_pairs(), text[texts], index)
            logits[order[start : start + batch_size]] = itm.float().cpu().numpy()
        return logits

    def to_dict(self, sample: dict) -> dict:
        """The prediction itself."""
        return sample

    def describe_answer(self, prediction: dict) -> str:
        """A line for the query, and one for each candidate."""
        lines = [prediction.get('text') or prediction['image']]
        for number, entry in enumerate(prediction['found'], start=1):
            name = entry.get('image') or entry['text']
            lines.append(f'  {number}. {name}  {scores_text(entry)}')
        return '\n'.join(lines)

    def draw(self, item: dict, sample: dict) -> Canvas:
        """The images found, best first; or the image above the texts found."""
        entries = sample['found']
        # For a video, the middle frame.
        loaded = [self.load(shown) for shown in item['shown']]
        images = [frames[len(frames) // 2] for frames in loaded]
        if 'text' in sample:
            captions = [found_name(rank, entry) for rank, entry in enumerate(entries, 1)]
            notes = [scores_text(entry) for entry in entries]
        else:
            texts = [f'{rank}. {entry["text"]} ({scores_text(entry)})' for rank, entry in enumerate(entries, 1)]
            captions, notes = ['  '.join(texts)], ['']
        drawn = [
            DrawnPicture(image, image.shape[:2], text, note=note)
            for image, text, note in zip(images, captions, notes, strict=True)
        ]
        title = sample.get('text') or Path(sample['image']).name
        return draw_regions(drawn, title, columns=5, column_width=176.0 if len(drawn) > 1 else 420.0)
