"""The two queues I_q, T_q of the latest images and texts (Eq. 5)."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class FeatureQueue(nn.Module):
    """A ring buffer of paired embeddings and image ids; saved with the model.

    Any batch size fits any queue size. Every rank pushes the same gathered batch, so all queues are equal.
    """

    image: Tensor
    text: Tensor
    ids: Tensor
    filled: Tensor
    position: Tensor

    def __init__(self, embed_dims: int, size: int) -> None:
        super().__init__()
        self.register_buffer('image', torch.zeros(size, embed_dims))
        self.register_buffer('text', torch.zeros(size, embed_dims))
        self.register_buffer('ids', torch.zeros(size, dtype=torch.long))
        self.register_buffer('filled', torch.zeros((), dtype=torch.long))
        self.register_buffer('position', torch.zeros((), dtype=torch.long))

    def __len__(self) -> int:
        return len(self.ids)

    def content(self) -> tuple[Tensor, Tensor, Tensor]:
        """Images (N, E), texts (N, E) and ids (N,) pushed so far, N at most the size. Copies: safe to push after."""
        count = int(self.filled)
        return self.image[:count].clone(), self.text[:count].clone(), self.ids[:count].clone()

    @torch.no_grad()
    def push(self, image: Tensor, text: Tensor, ids: Tensor) -> None:
        """Adds a batch (B, E), (B, E), (B,); of a batch larger than the queue, the last samples."""
        size = len(self)
        image, text, ids = image[-size:], text[-size:], ids[-size:]
        slots = (int(self.position) + torch.arange(len(ids), device=ids.device)) % size
        self.image[slots], self.text[slots] = image.to(self.image.dtype), text.to(self.text.dtype)
        self.ids[slots] = ids
        self.position.fill_((int(self.position) + len(ids)) % size)
        self.filled.fill_(min(size, int(self.filled) + len(ids)))
