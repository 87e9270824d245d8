"""A model whose encoders cost nothing, for time and memory of an evaluation: all features are copies of one."""

import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.dataset import pseudo_collate
from mmpretrain.structures import DataSample
from torch import Tensor, nn
from torch.nn.functional import normalize
from torch.utils.data import DataLoader

from slan_mm.pair_index import PairIndex
from slan_mm.structures import ImageFeatures, TextFeatures


class OutOfTimeError(Exception):
    """The minutes for a phase are over."""


class Memory:
    """Peaks of this process's resident memory, from Linux' /proc."""

    def __init__(self) -> None:
        self.highest = 0.0

    def peak(self) -> float:
        """GiB at most since the last call."""
        status = Path('/proc/self/status').read_text()
        peak = int(status.split('VmHWM:')[1].split()[0]) / 2**20
        Path('/proc/self/clear_refs').write_text('5')
        self.highest = max(self.highest, peak)
        return peak


class SyntheticFeatures(nn.Module):
    """A model whose encoders cost nothing; it scores as the model does, and writes each chunk's peak of memory down.

    Args:
        model: SLAN.
        size: side of its pictures.
        words: of its texts.
        minutes: for real scores of each kind; after them the mixed score is the embeddings' product, ITM ends the run.

    Attributes:
        levels: of the locator that all pairs of ITM go through; None: those that are asked for.
    """

    def __init__(self, model: nn.Module, size: int, words: int, minutes: float = float('inf')) -> None:
        super().__init__()
        self.model = model
        self.seconds = minutes * 60
        self.levels: int | None = None
        self.memory = Memory()
        self.peaks: dict[str, list[float]] = {'mixed': [], 'ITM': []}
        self.pairs = {'mixed': 0, 'ITM': 0}
        self._start: dict[str, float] = {}
        with torch.no_grad():
            self.image: ImageFeatures = model.encode_image(torch.randn(1, 3, size, size))
            # [CLS], [SEP] and a token a word.
            self.text: TextFeatures = model.encode_text([' '.join(['circle'] * (words - 2))])
        self.generator = torch.Generator().manual_seed(0)

    def data_preprocessor(self, batch: dict, training: bool = False) -> dict:
        """The batch as it is."""
        return batch

    def encode_image(self, inputs: list) -> ImageFeatures:
        """As many features as there are inputs."""
        return self._repeat(self.image, len(inputs))

    def encode_text(self, texts: list[str]) -> TextFeatures:
        """As many features as there are texts."""
        return self._repeat(self.text, len(texts))

    def _repeat(self, features: Any, count: int) -> Any:
        repeated = features[torch.zeros(count, dtype=torch.long)]
        repeated.embedding = normalize(torch.randn(repeated.embedding.shape, generator=self.generator), dim=-1)
        return repeated

    def shortlist_scores(self, image: ImageFeatures, text: TextFeatures) -> Tensor:
        """The model's, while there is time."""
        if self._late('mixed'):
            return self.itc_scores(image, text)
        scores = self.model.shortlist_scores(image, text)
        return self._count('mixed', scores)

    def itc_scores(self, image: ImageFeatures, text: TextFeatures) -> Tensor:
        """The embeddings' product."""
        return image.embedding @ text.embedding.T

    def prepare_images(self, image: ImageFeatures, many_texts: bool) -> ImageFeatures:
        """The model's."""
        return self.model.prepare_images(image, many_texts)

    def itm_scores(
        self, image: ImageFeatures, text: TextFeatures, pairs: PairIndex, levels: int | None = None
    ) -> Tensor:
        """The model's, while there is time."""
        if self._late('ITM'):
            raise OutOfTimeError
        return self._count('ITM', self.model.itm_scores(image, text, pairs, self.levels or levels))

    def _late(self, kind: str) -> bool:
        return time.monotonic() - self._start.setdefault(kind, time.monotonic()) > self.seconds

    def _count(self, kind: str, scores: Tensor) -> Tensor:
        self.pairs[kind] += scores.numel()
        self.peaks[kind].append(self.memory.peak())
        return scores


def synthetic_loader(images: int, texts: int) -> DataLoader:
    """``images`` samples without a picture, which share ``texts`` texts."""
    samples = []
    for number, own in enumerate(np.array_split(np.arange(texts), images)):
        sample = DataSample()
        sample.set_metainfo(dict(image_id=str(number), sample_id=str(number)))
        sample.set_field([f'text {index}' for index in own], 'text')
        samples.append(dict(inputs=torch.zeros(1), data_samples=sample))
    return DataLoader(samples, batch_size=32, collate_fn=pseudo_collate)
