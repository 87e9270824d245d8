"""What captioning and question answering share: the base model, a memory of the pair, and a text decoder."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from slan_mm.models import protocols
from slan_mm.models.base import BaseSLAN
from slan_mm.models.heads import DecoderMemory, Memory
from slan_mm.models.state_dict_hooks import start_decoder
from slan_mm.registry import MODELS
from slan_mm.structures import TextFeatures


class BaseGenerator(BaseSLAN):
    """A self-located model that writes a text about an image and a text; subclasses say which.

    Args:
        decoder: Config of the :class:`TextDecoder`.
        base: What :class:`BaseSLAN` takes.
    """

    def __init__(self, decoder: dict, **base: Any) -> None:
        super().__init__(**base)
        tokenizer = self.text_branch.encoder.tokenizer
        self.decoder: protocols.TextDecoder = MODELS.build({'type': 'TextDecoder', 'tokenizer': tokenizer, **decoder})
        self.memory = DecoderMemory(self.embed_dims, self.decoder.width)
        if isinstance(decoder.get('model'), Mapping):
            # Weights of a hub know more of language than the text encoder does.
            self.register_load_state_dict_pre_hook(start_decoder)

    def text_of(self, data_samples: list) -> TextFeatures:
        """The features of the texts that the locator meets the samples' images with."""
        raise NotImplementedError

    def remember(self, inputs: Tensor, data_samples: list) -> Memory:
        """The memory of B images (B, 3, H, W), or levels of a feature store, each with its sample's text."""
        image = self.encode_image(inputs)
        return self.memory(image, self.locate(image, self.text_of(data_samples)))

    def _forward(self, inputs: Tensor, data_samples: list) -> Memory:
        """The memory."""
        return self.remember(inputs, data_samples)
