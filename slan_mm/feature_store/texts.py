"""Stored words of a frozen text encoder, found by their token ids.

On disk (see ``layout.py``): ``contextual.bin`` (all tokens, width) half precision, the texts one after the other;
``offsets.bin`` (T + 1): text t owns the rows [offsets[t], offsets[t + 1]); ``crc32.bin`` (T,) of these rows. Lexical
words are the embedding layer's, which is cheap to run. Token ids identify a text whatever tokenizer made them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from slan_mm.feature_store.layout import PartReader, row_checksum

WHAT = {'weights': 'weights of the text encoder', 'encoder': 'config of the text encoder'}


def text_key(input_ids: Sequence[int]) -> str:
    """The key of a text: a hash of its token ids, without padding."""
    return hashlib.blake2b(np.asarray(input_ids, dtype='<i8').tobytes(), digest_size=12).hexdigest()


class TextStore(PartReader):
    """Reader of the texts' part of the store at ``path``.

    Raises:
        FeatureStoreError: see ``PartReader``.
    """

    def __init__(self, path: str | Path) -> None:
        super().__init__(Path(path) / 'texts')
        self.rows = {key: row for row, key in enumerate(self.index['text_keys'])}

    def _check_content(self) -> None:
        super()._check_content()
        count = self.count_keys('text_keys')
        self.need('offsets', 'int64', [count + 1])
        if count:
            self.need('crc32', 'uint32', [count])
            self.need('contextual', 'float16', [int(self.array('offsets')[-1]), None])

    def __len__(self) -> int:
        return len(self.rows)

    def find(self, input_ids: Tensor, mask: Tensor) -> list[int | None]:
        """The row of each text, None where the store lacks it.

        Args:
            input_ids: (T, NT) on the CPU.
            mask: (T, NT), True at tokens.
        """
        return [self.rows.get(text_key(ids[keep].tolist())) for ids, keep in zip(input_ids, mask, strict=True)]

    def words(self, row: int) -> Tensor:
        """The (tokens, width) half-precision contextual words of a row.

        Raises:
            FeatureStoreError: they are not what was written.
        """
        start, stop = self.array('offsets')[row : row + 2]
        words = np.array(self.array('contextual')[max(start, 0) : max(stop, 0)])
        if row_checksum(words) != self.array('crc32')[row]:
            raise self.damaged(f'row {row} is not what was written')
        return torch.from_numpy(words)

    def gather(self, rows: Sequence[int | None], mask: Tensor, width: int) -> Tensor:
        """The words of several rows, each at its tokens: (T, NT, width) float, 0 elsewhere.

        Args:
            rows: as :meth:`find` gives them; None leaves a text at 0.
            mask: (T, NT) on the CPU, True at tokens.
        """
        words = torch.zeros(*mask.shape, width)
        for number, row in enumerate(rows):
            if row is not None:
                words[number, mask[number]] = self.words(row).float()
        return words
