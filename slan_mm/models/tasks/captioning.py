"""Image captioning (paper, section 4.2.2): a prompt is located in the image, and a decoder continues it."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from slan_mm.models.dist import global_mean
from slan_mm.models.tasks.base_generator import BaseGenerator
from slan_mm.registry import MODELS
from slan_mm.structures import TextFeatures


@MODELS.register_module()
class SLANCaptioner(BaseGenerator):
    """Writes a caption.

    In training a sample's ``text`` is its caption. Prediction reads no text; it adds ``pred_caption``, without the
    prompt, and ``pred_score``, the caption's log-probability (0 is certainty; longer captions have lower ones), -inf
    for an empty caption.

    Args:
        decoder: Config of the :class:`TextDecoder`, but for its prompt.
        prompt: The start of every caption, and the text for the locator.
        rest: What :class:`BaseGenerator` takes.

    Raises:
        ValueError: The prompt is empty.
    """

    scores_mean = "A caption's log-probability; longer captions have lower ones."

    def __init__(self, decoder: dict, prompt: str = 'a picture of', **rest: Any) -> None:
        if not prompt.strip():
            raise ValueError('a captioner needs a prompt: it is the text that the picture is located against')
        super().__init__(decoder=dict(decoder, prompt=prompt), **rest)
        self.prompt = prompt

    def text_of(self, data_samples: list) -> TextFeatures:
        prompt = self.encode_text([self.prompt])
        return prompt[torch.zeros(len(data_samples), dtype=torch.long, device=prompt.words.device)]

    def loss(self, inputs: Tensor, data_samples: list) -> dict[str, Tensor]:
        """``loss_caption``: cross-entropy, the mean over the captions' tokens; none of the prompt's."""
        memory = self.remember(inputs, data_samples)
        losses, tokens = self.decoder.loss(memory, [sample.text for sample in data_samples])
        return {'loss_caption': global_mean(losses.sum(), tokens.sum())}

    @torch.no_grad()
    def predict(self, inputs: Tensor, data_samples: list) -> list:
        captions, scores = self.decoder.write(self.remember(inputs, data_samples))
        for sample, caption, score in zip(data_samples, captions, scores.tolist(), strict=True):
            sample.set_field(caption, 'pred_caption')
            sample.set_field(score, 'pred_score')
        return data_samples
