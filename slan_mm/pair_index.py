"""Which image and which text each pair is of: what lets many texts share one image without copies of its maps."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

import torch
from torch import Tensor


class PairIndex:
    """P pairs among B images and T texts, sorted by image.

    Args:
        image: Row of each pair's image (P,), long, rising (equal rows allowed).
        text: Row of each pair's text (P,), long, in any order.
        counts: Pairs of each of the B images, in order; they sum to P. None counts them, which synchronises the GPU.
        num_images: B, where ``counts`` is not given; None takes the last image of ``image`` as the last there is.

    Raises:
        ValueError: there is no pair, the lengths differ, or ``image`` does not rise.
    """

    def __init__(
        self, image: Tensor, text: Tensor, counts: Sequence[int] | None = None, num_images: int | None = None
    ) -> None:
        # shape[0] and not len, which torch.export would take for a constant.
        if image.shape[0] != text.shape[0] or not image.shape[0]:
            raise ValueError(f'pairs need as many images as texts, one at least; got {len(image)} and {len(text)}')
        self.image, self.text = image, text
        if counts is None:
            if bool((image[1:] < image[:-1]).any()):
                raise ValueError('pairs must be sorted by image, so that those of one image lie together')
            counts = torch.bincount(image, minlength=num_images or 0).tolist()
        #: Runs of images that have equally many pairs: how many images, and how many pairs each.
        self.runs = [(len(list(run)), count) for count, run in groupby(counts)]

    @classmethod
    def rows(cls, like: Tensor) -> PairIndex:
        """Image p with text p, for as many pairs as ``like`` has rows; on its device."""
        rows = torch.arange(like.shape[0], device=like.device)
        index = cls(rows, rows, [1])
        index.runs = [(like.shape[0], 1)]
        return index

    @classmethod
    def all_pairs(cls, num_images: int, num_texts: int, device: torch.device | str | None = None) -> PairIndex:
        """Every one of B images with every one of T texts, image by image: P = B * T."""
        image = torch.arange(num_images, device=device).repeat_interleave(num_texts)
        return cls(image, torch.arange(num_texts, device=device).repeat(num_images), [num_texts] * num_images)

    @classmethod
    def among(cls, image: Tensor, text: Tensor) -> tuple[PairIndex, Tensor, Tensor]:
        """Pairs given by any rows, (P,) of images, rising, and (P,) of texts: the index of those that take part.

        Returns the index, and the rows of its B images and of its T texts, each row once.
        """
        images, image_row = image.unique(return_inverse=True)
        texts, text_row = text.unique(return_inverse=True)
        return cls(image_row, text_row), images, texts

    def __len__(self) -> int:
        return len(self.image)

    def matmul(self, rows: Tensor, images: Tensor) -> Tensor:
        """Each pair's matrix times its image's: ``rows`` (P, n, k), ``images`` (B, k, m) to (P, n, m).

        The matrices of an image are multiplied as one, so that the image's is read once and never copied.
        """
        width = images.shape[-1]
        if len(self.runs) == 1:
            return (rows.reshape(images.shape[0], -1, rows.shape[-1]) @ images).view(rows.shape[0], -1, width)
        # Not slices, of which each has a gradient of the whole, padded with zeros.
        of_pairs = rows.split([num_images * each for num_images, each in self.runs])
        of_images = images.split([num_images for num_images, _ in self.runs])
        products = []
        for (num_images, each), own, of_run in zip(self.runs, of_pairs, of_images, strict=True):
            product = own.reshape(num_images, each * rows.shape[1], rows.shape[2]) @ of_run
            products.append(product.view(num_images * each, rows.shape[1], width))
        return torch.cat(products)

    def gather(self, values: Tensor, index: Tensor) -> Tensor:
        """``values`` (B, N, ...) of each pair's image at the pair's ``index`` (P, K): (P, K, ...)."""
        # Not values[rows, index], whose gradient several CPU threads add up in any order.
        flat = (self.image[:, None] * values.shape[1] + index).flatten()
        return values.flatten(0, 1).index_select(0, flat).unflatten(0, index.shape)
