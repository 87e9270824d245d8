"""What captioning and question answering share: the base model, a memory of the pair, and a text decoder."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from slan_mm.models import protocols
from slan_mm.models.base import BaseSLAN
from slan_mm.models.heads import DecoderMemory, Memory
from slan_mm.models.heads.memory import PARTS
from slan_mm.registry import MODELS
from slan_mm.structures import TextFeatures


class BaseGenerator(BaseSLAN):
    """A self-located model that writes a text about a picture and a text; subclasses say which.

    Args:
        decoder: Config of the :class:`TextDecoder`.
        memory: What the decoder attends to, see :class:`DecoderMemory`.
        base: What :class:`BaseSLAN` takes.
    """

    def __init__(self, decoder: dict, memory: Sequence[str] = PARTS, **base: Any) -> None:
        super().__init__(**base)
        tokenizer = self.text_branch.encoder.tokenizer
        self.decoder: protocols.TextDecoder = MODELS.build({'type': 'TextDecoder', 'tokenizer': tokenizer, **decoder})
        self.memory = DecoderMemory(self.embed_dims, self.decoder.width, memory)

    def remember(self, inputs: Tensor, text: TextFeatures) -> Memory:
        """The memory of P row-wise pairs of a picture and a text."""
        image = self.encode_image(inputs)
        return self.memory(image, self.locate(image, text))

    def text_of(self, samples: Sequence) -> TextFeatures:
        """The features of the texts that the locator meets the samples' pictures with."""
        raise NotImplementedError

    def loss(self, memory: Memory, samples: Sequence) -> dict[str, Tensor]:
        """The losses of a batch."""
        raise NotImplementedError

    def predict(self, memory: Memory, samples: Sequence) -> list:
        """The samples with what is written about them."""
        raise NotImplementedError

    def forward(
        self, inputs: Tensor, data_samples: list | None = None, mode: str = 'tensor'
    ) -> dict[str, Tensor] | list | Memory:
        """MMEngine's three modes: 'loss' a dict of losses, 'predict' the samples with predictions, 'tensor' the memory.

        ``inputs`` (B, 3, H, W), normalised, or the levels of a feature store.
        """
        if mode not in ('loss', 'predict', 'tensor'):
            raise ValueError(f"mode must be 'loss', 'predict' or 'tensor', got {mode!r}")
        samples = data_samples or []
        memory = self.remember(inputs, self.text_of(samples))
        if mode == 'loss':
            return self.loss(memory, samples)
        return self.predict(memory, samples) if mode == 'predict' else memory
