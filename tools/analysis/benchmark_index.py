"""Indexes of synthetic pictures: time, size, latency, and what the cascade loses.

    python tools/analysis/benchmark_index.py --pictures 100000 --queries 100 --engine faiss lancedb

Each engine adds ``--pictures`` pictures and is compacted, answers ``--queries`` texts one by one, and removes 1 % of
the pictures. A picture has ``--regions`` regions in each of two region-word spaces and belongs to one of a thousand
topics; a text is about a picture: its embedding and its words are that picture's, with noise. The final score is the
mean of ITC and of both spaces' best cosines of its words, as the mixed score is.

- ``recall@10``: of the 10 best of all pictures, scored by all of their regions, how many are among the ``--k`` best
  that the cascade hands on: the best ``--m`` by ITC, of these the best by the regions that the index keeps.
- ``by kept regions``: the same where the kept regions score all pictures: what the choice and int8 alone lose.
- ``10 of float16``: the same with the kept regions in float16.

No model is needed: what ITM adds on the ``--k`` best is the same for every engine.

    python tools/analysis/benchmark_index.py --embeddings-only --pictures 1000000 --width 256

times only what the engine ``faiss`` does first: the ``--m`` nearest of all embeddings, exactly, text by text.
"""

import argparse
import shutil
import tempfile
import time
from pathlib import Path

from slan_mm.cli.errors import one_line_errors
from slan_mm.cli.options import positive


def parse_options(arguments: list[str] | None = None) -> argparse.Namespace:
    """The command line's options."""
    parser = argparse.ArgumentParser(description='Indexes of synthetic pictures: time, size, latency, recall.')
    parser.add_argument('--pictures', type=positive, default=100_000)
    parser.add_argument('--queries', type=positive, default=100)
    parser.add_argument('--regions', type=positive, default=75, help='of a picture in each region-word space')
    parser.add_argument('--width', type=positive, default=64, help='of an embedding and of a region')
    parser.add_argument('--words', type=positive, default=8, help='of a text')
    parser.add_argument('--m', type=positive, default=500)
    parser.add_argument('--k', type=positive, default=64)
    parser.add_argument('--chunk', type=positive, default=1000, help='pictures that are added and saved together')
    parser.add_argument('--embeddings-only', action='store_true', help='time the exact nearest neighbours alone')
    parser.add_argument('--engine', nargs='+', choices=['faiss', 'lancedb'], default=['faiss', 'lancedb'])
    return parser.parse_args(arguments)


if __name__ == '__main__':
    parse_options()  # --help and mistakes are answered before the imports below, which take seconds

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import normalize

from slan_mm.apis.index_engines import open_index
from slan_mm.apis.picture_summary import PictureSummary, spread
from slan_mm.apis.picture_table import PictureTable
from slan_mm.models.objectives.contrastive import region_word_scores
from slan_mm.structures import ImageFeatures

TERMS = ('contextual', 'lexical')
TOPICS = 1000


class SyntheticPictures:
    """Pictures that are drawn when they are asked for: the same each time."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.topics = self._unit(torch.Generator().manual_seed(0), TOPICS, options.width)

    def _unit(self, generator: torch.Generator, *shape: int) -> Tensor:
        return normalize(torch.randn(*shape, generator=generator), dim=-1)

    def chunk(self, start: int, stop: int) -> ImageFeatures:
        """Pictures ``start`` to ``stop``."""
        count, width, regions = stop - start, self.options.width, self.options.regions
        generator = torch.Generator().manual_seed(1 + start)
        topic = self.topics[torch.randint(TOPICS, (count,), generator=generator)]
        # Regions of a picture show a few things each, as boxes of one thing on several maps do.
        things = self._unit(generator, count, 8, width)
        which = torch.randint(8, (len(TERMS), count, regions), generator=generator)
        space = {}
        for term, own in zip(TERMS, which, strict=True):
            shown = things[torch.arange(count)[:, None], own]
            space[term] = normalize(shown + 0.5 * self._unit(generator, count, regions, width), dim=-1)
        return ImageFeatures(
            boxes=torch.rand(count, regions, 4, generator=generator),
            saliency=torch.zeros(count, regions),
            regions=torch.zeros(count, regions, 1),
            pyramid=[],
            space_maps={},
            region_space=space,
            embedding=normalize(topic + self._unit(generator, count, width), dim=-1),
        )

    def chunks(self) -> list[tuple[int, int]]:
        """Begin and end of each chunk."""
        size, count = self.options.chunk, self.options.pictures
        return [(start, min(start + size, count)) for start in range(0, count, size)]

    def texts(self) -> tuple[Tensor, dict[str, Tensor]]:
        """Embeddings (T, E) and words (T, NT, C) of texts, each about another picture."""
        generator = torch.Generator().manual_seed(7)
        about = torch.randperm(self.options.pictures, generator=generator)[: self.options.queries].tolist()
        width, embeddings, words = self.options.width, [], {term: [] for term in TERMS}
        for number in about:
            start, stop = self.chunks()[number // self.options.chunk]
            own = self.chunk(start, stop)[number - start : number - start + 1]
            embeddings.append(own.embedding + self._unit(generator, 1, width))
            for term in TERMS:
                places = torch.randint(self.options.regions, (self.options.words,), generator=generator)
                words[term].append(own.region_space[term][0, places] + self._unit(generator, self.options.words, width))
        return normalize(torch.cat(embeddings), dim=-1), {
            term: normalize(torch.stack(values), dim=-1) for term, values in words.items()
        }


def mixed_scores(image: ImageFeatures, embedding: Tensor, words: dict[str, Tensor]) -> Tensor:
    """(B, T) scores of pictures and texts."""
    scores = image.embedding @ embedding.T
    for term, own in words.items():
        scores = scores + region_word_scores(image.region_space[term], own, torch.ones(own.shape[:2], dtype=torch.bool))
    return scores / (1 + len(words))


def kept_in_half(image: ImageFeatures) -> ImageFeatures:
    """The regions that an index keeps, in float16 instead of int8."""
    count = next(iter(PictureSummary.of(image[:1]).regions.values())).shape[1]
    space = {}
    for term, values in image.region_space.items():
        kept = spread(values, count)[:, :, None].expand(-1, -1, values.shape[-1])
        space[term] = torch.gather(values, 1, kept).half().float()
    return ImageFeatures(image.boxes, image.saliency, image.regions, [], {}, space, image.embedding.half().float())


class Best:
    """The ``count`` best candidates of each text, of chunks that come one after the other."""

    def __init__(self, count: int) -> None:
        self.count, self.scores, self.rows = count, None, None

    def add(self, scores: Tensor, start: int) -> None:
        """``scores`` (B, T) of the candidates from ``start`` on."""
        rows = torch.arange(start, start + len(scores))[None].expand(scores.shape[1], -1)
        own = scores.T
        if self.scores is not None:
            own, rows = torch.cat([self.scores, own], 1), torch.cat([self.rows, rows], 1)
        self.scores, best = own.topk(min(self.count, own.shape[1]), dim=1)
        self.rows = rows.gather(1, best)


def share(wanted: Tensor, found: list[list[int]]) -> float:
    """How many of ``wanted`` (T, 10) are found, in percent."""
    pairs = zip(wanted.tolist(), found, strict=True)
    return 100 * float(np.mean([len(set(own) & set(rows)) / len(own) for own, rows in pairs]))


def measure(engine: str, pictures: SyntheticPictures, texts: tuple, wanted: Tensor) -> None:
    """Prints an engine's figures."""
    options, (embedding, words) = pictures.options, texts
    folder = Path(tempfile.mkdtemp(prefix='benchmark_index_'))
    try:
        seconds = 0.0
        index = open_index(folder / 'index', {'weights': 'synthetic'}, engine)
        with index:
            for start, stop in pictures.chunks():
                chunk, count = pictures.chunk(start, stop), stop - start
                begin = time.process_time()
                paths = [f'/pictures/{number}.jpg' for number in range(start, stop)]
                index.add(paths, [(480, 640)] * count, [(1, 1)] * count, chunk)
                index.save()
                seconds += time.process_time() - begin
        begin = time.process_time()
        index.compact()
        seconds += time.process_time() - begin
        size = sum(file.stat().st_size for file in folder.rglob('*') if file.is_file())
        begin = time.perf_counter()
        index = open_index(folder / 'index')
        index.nearest(embedding[:1], options.m)
        opened = time.perf_counter() - begin
        latency, found = [], []
        for row in range(len(embedding)):
            begin = time.perf_counter()
            (near,) = index.nearest(embedding[row : row + 1], options.m)
            own = {term: values[row : row + 1] for term, values in words.items()}
            best = mixed_scores(near.summary.features(), embedding[row : row + 1], own)[:, 0].argsort(descending=True)
            latency.append(1e3 * (time.perf_counter() - begin))
            found.append([int(Path(near.pictures[place].path).stem) for place in best[: options.k].tolist()])
        begin = time.process_time()
        index.remove([f'/pictures/{number}.jpg' for number in range(0, options.pictures, 100)])
        index.save()
        removed = time.process_time() - begin
        left = len(open_index(folder / 'index'))
    finally:
        shutil.rmtree(folder)
    print(
        f'{engine}: added in {seconds:.0f} CPU s, {size / options.pictures:.0f} bytes a picture, opened in '
        f'{opened:.2f} s; a query p50 {np.percentile(latency, 50):.0f} ms, p95 {np.percentile(latency, 95):.0f} ms; '
        f'recall@10 {share(wanted, found):.1f} %; 1 % removed in {removed:.1f} CPU s, {left} left',
        flush=True,
    )


def measure_nearest(options: argparse.Namespace) -> None:
    """Prints how long the exact search of all embeddings takes."""
    embeddings = torch.empty(options.pictures, options.width, dtype=torch.float16)
    for start in range(0, options.pictures, 100_000):
        part = embeddings[start : start + 100_000]
        part.copy_(normalize(torch.randn(part.shape, generator=torch.Generator().manual_seed(start)), dim=-1))
    texts = normalize(torch.randn(options.queries, options.width, generator=torch.Generator().manual_seed(7)), dim=-1)
    table = PictureTable({}, PictureSummary(embeddings, {}, {}))
    latency = []
    for text in [texts[:1], *texts.split(1)]:
        begin = time.perf_counter()
        table.nearest(text, options.m)
        latency.append(1e3 * (time.perf_counter() - begin))
    first, *latency = latency
    print(
        f'{options.pictures} embeddings of {options.width} numbers, the {options.m} nearest of one text: p50 '
        f'{np.percentile(latency, 50):.0f} ms, p95 {np.percentile(latency, 95):.0f} ms; the first text {first:.0f} ms'
    )


@one_line_errors
def main(arguments: list[str] | None = None) -> None:
    """Measures and prints."""
    options = parse_options(arguments)
    if options.embeddings_only:
        measure_nearest(options)
        return
    pictures = SyntheticPictures(options)
    texts = pictures.texts()
    every, kept, half = Best(10), Best(options.k), Best(options.k)
    for start, stop in pictures.chunks():
        chunk = pictures.chunk(start, stop)
        every.add(mixed_scores(chunk, *texts), start)
        kept.add(mixed_scores(PictureSummary.of(chunk).features(), *texts), start)
        half.add(mixed_scores(kept_in_half(chunk), *texts), start)
    print(
        f'{options.pictures} pictures, {options.queries} texts, m = {options.m}, k = {options.k}; of the 10 best, in '
        f'the k best by kept regions {share(every.rows, kept.rows.tolist()):.1f} %, in float16 '
        f'{share(every.rows, half.rows.tolist()):.1f} %',
        flush=True,
    )
    for engine in options.engine:
        measure(engine, pictures, texts, every.rows)


if __name__ == '__main__':
    main()
