"""Search in a collection of images by text, with an index on disk."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from mmengine.logging import print_log
from mmpretrain.structures import DataSample

from slan_mm.apis.answers import box_text
from slan_mm.apis.base import TaskInferencer
from slan_mm.apis.index_engines import engine_of, open_index
from slan_mm.apis.index_parts import PictureIndexError
from slan_mm.apis.lance_index import LanceIndex
from slan_mm.apis.picture_index import PictureIndex
from slan_mm.apis.picture_ranking import KnownPicture, batches, ranked_by_itm, shortlisted
from slan_mm.apis.picture_table import IndexedPicture
from slan_mm.apis.processor import phrase_sample
from slan_mm.apis.retrieval_inferencer import found_name, scores_text
from slan_mm.applied_config import picture_size, without_feature_stores
from slan_mm.arguments import checked, file_path, list_of, out_folder, shown, whole
from slan_mm.datasets.noun_phrases import mark_phrases
from slan_mm.datasets.pictures import file_state, list_pictures
from slan_mm.datasets.unreadable import UnreadableImageError
from slan_mm.evaluation.cascade import Cascade
from slan_mm.feature_store import hash_config
from slan_mm.models.phrase_grounding import phrase_answers
from slan_mm.plain_text import is_whole
from slan_mm.progress import Progress
from slan_mm.structures import MarkedText, TextFeatures, TextTokens
from slan_mm.visualization import Canvas, draw_regions, drawn_picture
from slan_mm.weights_file import hash_weights

#: Pictures between two savings of an index that is being made.
SAVE_EVERY = 1000


def index_folder(value: Any) -> Any:
    """The folder of an index, which can be made, and whose name its files can have."""
    folder = out_folder(file_path(value))
    if not is_whole(str(folder)):
        raise ValueError(f'must have a name in UTF-8, got {shown(str(folder))}')
    return folder


def share_of(value: Any) -> tuple[int, int]:
    """The number of a share, from 1, and how many there are."""
    if not isinstance(value, list | tuple) or len(value) != 2:
        raise ValueError(f'must be the number of a share and how many there are, got {shown(value)}')
    number, count = (whole(1)(one) for one in value)
    if number > count:
        raise ValueError(f'must be one of {count}, got {number}')
    return number, count


@dataclass
class Indexed:
    """The result of indexing: numbers of images, and the paths of unreadable ones."""

    added: int = 0
    changed: int = 0
    unchanged: int = 0
    unreadable: list[str] = field(default_factory=list)


class PictureSearch(TaskInferencer):
    """Indexes images and searches them by text.

    .. code-block:: python

        search = PictureSearch(CONFIG, CHECKPOINT)
        search.index('my/index', 'my/pictures')
        result = search('my/index', 'a [dog] on a [beach]', top=5)
        result['predictions'][0]['found'][0]['image']  # the best picture

    A search uses the cascade of the evaluation, see :class:`Cascade`. FAISS finds the ``m`` images whose ITC embeddings
    are nearest to the text's. The mixed score of ITC and region-word terms, with the index's regions, selects the best
    ``k`` of these. They are ranked by ``score``: the mixed score of all regions plus ``itm_weight`` x the ITM logit, as
    in :class:`RetrievalInferencer`. Other images are never found.

    ITM's features are computed from the image file and cached in the index. If the file was removed or changed after
    indexing, and its features are not cached, the image is not found; the log says so.

    There is one prediction per text: ``text`` and ``found``, a list of images, best first. Each image has ``image``,
    ``size`` [height, width], ``score``, ``match`` (the ITM head's probability) and ``phrases``. Each phrase has
    ``phrase``, ``spans``, the best ``box`` in pixels of the image, and its ``score``, see :class:`GroundingInferencer`.
    For a phrase that the text encoder did not read, both are None, and ``unread`` gives the reason. Phrases are found
    by :func:`mark_phrases`.

    Args: see :class:`TaskInferencer`.
    """

    task = 'search'
    needs = ('shortlist_scores', 'itm_scores', 'locate', 'ground_pairs')

    def __init__(self, model: str | Path | Config, weights: str | Path | None = None, **options: Any) -> None:
        super().__init__(model, weights, **options)
        # Heads read features and do not make them.
        parts = {name: part for name, part in without_feature_stores(self.cfg.model).items() if name != 'objective'}
        self.header = {
            'weights': hash_weights(self.model),
            'model': hash_config(parts),
            'picture_size': list(picture_size(self.cfg)),
        }

    @torch.no_grad()
    @checked(folder=index_folder, inputs=list_of(file_path), share=share_of)
    def index(
        self,
        folder: str | Path,
        inputs: str | Path | Sequence[str | Path],
        batch_size: int = 8,
        store_features: bool = False,
        engine: str | None = None,
        share: tuple[int, int] = (1, 1),
    ) -> Indexed:
        """Adds images to the index in ``folder``, which is created if needed.

        Images in the index are encoded again only if their files have changed. Unreadable images are skipped, logged
        and counted; their earlier entries are kept. An interruption loses at most ``SAVE_EVERY`` images.

        Args:
            folder: of the index.
            inputs: images, or folders of them; files only.
            batch_size: images per batch.
            store_features: from now on, store the features of all images instead of computing them in a search.
            engine: storage of a new index, 'faiss' or 'lancedb', see docs/search.md.
            share: number and count; (2, 8) is the second of eight shares of the images, for eight processes that add to
                one index in LanceDB at the same time.

        Raises:
            ModuleNotFoundError: the engine is not installed.
            PictureIndexError: the index is damaged or of another model.
            FolderInUseError: another process is changing it.
            ValueError: there are no images, or an argument is not what it must be.
        """
        index = open_index(folder, self.header, engine)
        index.store_features |= store_features
        bad_names: list[str] = []
        listed = list_pictures(inputs, skipped=bad_names)
        resolved = dict.fromkeys(str(Path(str(path)).resolve()) for path in listed)
        paths = [path for path in resolved if is_whole(path)][share[0] - 1 :: share[1]]
        bad_names += [ascii(path) for path in resolved if not is_whole(path)]
        for name in bad_names:
            print_log(f'Skipped: the name {name} is not UTF-8. Rename the picture.', 'current')
        report = Indexed(unreadable=bad_names)
        with index:
            self._add(index, paths, batch_size, report)
        return report

    def _add(self, index: PictureIndex | LanceIndex, paths: Sequence[str], batch_size: int, report: Indexed) -> None:
        """Adds those of ``paths`` that are new or have changed."""
        todo = index.changed(paths)
        report.unchanged = len(paths) - len(todo)
        tried = len(todo) + len(report.unreadable)
        unsaved = 0
        with Progress('Index pictures', len(todo)) as progress:
            for start in range(0, len(todo), batch_size):
                part = todo[start : start + batch_size]
                read = self._read(part, report.unreadable)
                known = sum(path in index.pictures for path in read)
                if read:
                    batch = self.collate_fn([item for _, item in read.values()])
                    shapes = [tuple(sample.ori_shape) for sample in batch['data_samples']]
                    features = self.model.encode_image(self.model.data_preprocessor(batch, False)['inputs'])
                    states = [state for state, _ in read.values()]
                    index.add(list(read), shapes, states, features)
                report.changed += known
                report.added += len(read) - known
                unsaved += len(read)
                if unsaved >= SAVE_EVERY:
                    index.save()
                    unsaved = 0
                progress.step(len(part))
        index.save()
        if report.unreadable:
            print_log(f'{len(report.unreadable)} of {tried} pictures could not be read: skipped.', 'current')

    def _read(self, paths: Sequence[str], unreadable: list[str]) -> dict[str, tuple[tuple[int, int], dict]]:
        """State and item of each file that can be read; the others are logged."""
        read = {}
        for path in paths:
            try:
                state = file_state(path) or (0, 0)
                item = self.pipeline(dict(picture=path, img_path=path, image_id=path, sample_id=path))
            except (UnreadableImageError, OSError) as error:
                print_log(f'Skipped: {error}', 'current')
                unreadable.append(path)
            else:
                read[path] = (state, item)
        return read

    @torch.no_grad()
    @checked
    def __call__(
        self,
        folder: str | Path,
        texts: str | Sequence[str],
        top: int = 10,
        k: int = 64,
        m: int = 500,
        full_k: int | None = None,
        itm_weight: float | None = None,
        cache_gb: float = 2.0,
        batch_size: int = 32,
        **options: Any,
    ) -> dict:
        """Searches the index in ``folder``.

        Args:
            folder: of the index.
            texts: One text or several.
            top: Maximum number of images per text.
            k, m, full_k: See :class:`Cascade`.
            itm_weight: See the class; None: the model's own weight, see :meth:`weight_of_itm`.
            cache_gb: Maximum size of cached features in the index, in 10^9 bytes, unless it stores all features.
            batch_size: Pairs per batch.
            options: See :class:`TaskInferencer`.

        Raises:
            PictureIndexError: the index is missing, empty, damaged or of another model.
            ValueError: There is no text, a text has no phrases, its brackets are wrong, or an argument is out of range.
        """
        marked = self.prepare(folder, texts, top, k, m, full_k, batch_size)
        _, _, drawing, packing = self._dispatch_kwargs(**options)
        self.claim_files([f'query-{number}' for number in range(len(marked))], **options)
        index, cascade = open_index(folder, self.header), Cascade(k, m, full_k)
        weight = self.model.weight_of_itm(itm_weight)
        tokens = self.model.tokenize([text.text for text in marked])
        features = self.model.encode_text(tokens)
        items, results = [], []
        for number, near in enumerate(self.progress(index.nearest(features.embedding, m), self.task)):
            row = torch.full((1,), number, device=features.embedding.device)
            text = features[row]
            known = self._known(index, shortlisted(self.model, near, text, k), batch_size)
            ranked = ranked_by_itm(self.model, cascade, known, text, weight, batch_size)
            found = [(known[place], score, itm) for place, score, itm in ranked[:top]]
            samples = self._locate([entry for entry, _, _ in found], marked[number], tokens[row], text, batch_size)
            entries = [
                _entry(entry.picture, score, itm, sample)
                for (entry, score, itm), sample in zip(found, samples, strict=True)
            ]
            results.append(dict(text=marked[number].text, found=entries))
            items.append(dict(sample_id=f'query-{number}', samples=samples, spans=marked[number].spans))
            if not index.store_features:
                index.features.shrink(cache_gb * 1e9)
        return self.postprocess(results, self.visualize(items, results, **drawing), **packing)

    @classmethod
    @checked
    def prepare(  # type: ignore[override]
        cls,
        inputs: str | Path,
        texts: str | Sequence[str],
        top: int = 10,
        k: int = 64,
        m: int = 500,
        full_k: int | None = None,
        batch_size: int = 32,
    ) -> list[MarkedText]:
        """The texts with their phrases; ``inputs`` is the folder of the index. See :class:`TaskInferencer`."""
        if k < top:
            raise ValueError(f'k must be at least top, got {k} and {top}')
        Cascade(k, m, full_k)
        marked = [mark_phrases(text) for text in ([texts] if isinstance(texts, str) else texts)]
        if engine_of(inputs) is None:
            raise PictureIndexError(f'{inputs} is no index of pictures. Make one: python tools/index.py add')
        return marked

    def _known(
        self, index: PictureIndex | LanceIndex, pictures: Sequence[IndexedPicture], batch_size: int
    ) -> list[KnownPicture]:
        """Those of ``pictures`` whose features are there or can be computed, in their order."""
        features = {picture.id: index.features.get(picture.id) for picture in pictures}
        lacking = [picture for picture in pictures if features[picture.id] is None]
        gone = [picture.path for picture in lacking if file_state(picture.path) != (picture.bytes, picture.modified_ns)]
        todo = {picture.path: picture.id for picture in lacking if picture.path not in gone}
        for start in range(0, len(todo), batch_size):
            read = self._read(list(todo)[start : start + batch_size], gone)
            if not read:
                continue
            batch = self.collate_fn([item for _, item in read.values()])
            computed = self.model.encode_image(self.model.data_preprocessor(batch, False)['inputs'])
            for row, path in enumerate(read):
                features[todo[path]] = own = computed[row : row + 1].to('cpu', torch.float16)
                with suppress(OSError):  # the folder may be another's, or the disk full
                    index.features.put(todo[path], own)
        if gone:
            print_log(
                f'{len(gone)} pictures, the first {gone[0]}, have gone or changed since they were indexed, and are not '
                f'found. Run: python tools/index.py remove {index.folder} --gone, and add',
                'current',
            )
        return [KnownPicture(picture, own) for picture in pictures if (own := features[picture.id]) is not None]

    def _locate(
        self, known: Sequence[KnownPicture], marked: MarkedText, tokens: TextTokens, text: TextFeatures, batch_size: int
    ) -> list[DataSample]:
        """A sample of each image with the regions of the text's phrases, as ``SLAN.predict`` leaves it."""
        samples = []
        for picture, _ in known:
            meta = dict(img_path=picture.path, sample_id=picture.path)
            samples.append(phrase_sample(marked, (picture.height, picture.width), **meta))
        done = 0
        for image, same in batches(known, text, batch_size):
            image, texts = image.for_pairs(), text[same]
            part = samples[done : done + len(image)]
            located = self.model.locate(image, texts)
            self.model.ground_pairs(image, texts, tokens[same], located, part)
            done += len(part)
        return samples

    def to_dict(self, sample: dict) -> dict:
        """The prediction itself."""
        return sample

    def describe_answer(self, prediction: dict) -> str:
        """A line for the text, one for each image, and one for each phrase in it."""
        lines = [prediction['text']]
        for number, entry in enumerate(prediction['found'], start=1):
            lines.append(f'  {number}. {entry["image"]}  {scores_text(entry)}')
            for phrase in entry['phrases']:
                if phrase['box'] is None:
                    lines.append(f'       {phrase["phrase"]}: not grounded: {phrase["unread"]}')
                else:
                    lines.append(f'       {phrase["phrase"]}: {box_text(phrase["box"])}  score {phrase["score"]:.3f}')
        return '\n'.join(lines)

    def draw(self, item: dict, sample: dict) -> Canvas:
        """The text over the images found, best first, each with rank, name, scores and the phrases' best boxes.

        Images whose files have gone are left out.

        Raises:
            FileNotFoundError: All have gone.
        """
        drawn = []
        for rank, (found, entry) in enumerate(zip(item['samples'], sample['found'], strict=True), 1):
            answers = [(levels[-1]['boxes'][:1], levels[-1]['scores'][:1]) for levels in found.pred_phrases]
            try:
                picture = drawn_picture(found, None, answers)
            except (FileNotFoundError, UnreadableImageError) as error:
                print_log(f'Not drawn: {error}', 'current')
                continue
            # The phrases' colours stand in the title.
            phrases = [replace(phrase, spans=[]) for phrase in picture.phrases]
            drawn.append(replace(picture, text=found_name(rank, entry), note=scores_text(entry), phrases=phrases))
        if not drawn:
            raise FileNotFoundError(f'no picture found for {sample["text"]!r} can be read any more')
        width = 176.0 if len(drawn) > 1 else 420.0
        return draw_regions(
            drawn, sample['text'], columns=5, column_width=width, show_start=False, title_spans=item['spans']
        )


def _entry(picture: IndexedPicture, score: float, itm: float, sample: DataSample) -> dict:
    """The entry of one image in a prediction."""
    phrases = []
    for answer in phrase_answers(sample):
        boxes, scores = answer.pop('boxes'), answer.pop('scores')
        phrases.append(dict(answer, box=boxes[0] if boxes else None, score=scores[0] if scores else None))
    return dict(
        image=picture.path,
        size=[picture.height, picture.width],
        score=score,
        match=torch.tensor(itm).sigmoid().item(),
        phrases=phrases,
    )
