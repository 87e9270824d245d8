"""Visual question answering (paper, section 4.2.3): the question is located in the image, a decoder answers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from slan_mm.answer_list import check_answers, read_answer_list
from slan_mm.models.heads import rank_texts
from slan_mm.models.tasks.base_generator import BaseGenerator
from slan_mm.registry import MODELS
from slan_mm.structures import TextFeatures

INFERENCE = ('generate', 'rank')


@MODELS.register_module()
class SLANAnswerer(BaseGenerator):
    """Answers a question, in its own words or from a closed list.

    A sample's ``text`` is its question. In training ``answers`` is the list of the annotators' answers; the loss of
    each different one is weighted by its share, times ``answer_weight`` where the sample has that. Prediction adds
    ``pred_answer`` and ``pred_score``, the answer's log-probability; -inf for an empty answer.

    Args:
        decoder: Config of the :class:`TextDecoder`.
        inference: 'generate' writes the answer; 'rank' chooses from ``answer_list``, see :func:`rank_texts`.
        answer_list: The list, or the json file that holds it (``tools/dataset_converters/vqa_answer_list.py``).
        rank_k, rank_chunk: ``k`` and ``chunk`` of :func:`rank_texts`.
        rest: What :class:`BaseGenerator` takes.

    Raises:
        ValueError: 'rank' without a list, an empty list, or one with an empty or repeated answer.
        FileNotFoundError: There is no such file.
    """

    scores_mean = "An answer's log-probability; with a closed list, that of the best answer."

    def __init__(
        self,
        decoder: dict,
        inference: str = 'generate',
        answer_list: str | Sequence[str] | None = None,
        rank_k: int = 128,
        rank_chunk: int = 256,
        **rest: Any,
    ) -> None:
        if inference not in INFERENCE:
            raise ValueError(f'inference must be one of {INFERENCE}, got {inference!r}')
        if inference == 'rank' and answer_list is None:
            raise ValueError("inference='rank' needs an answer_list to rank")
        super().__init__(decoder=decoder, **rest)
        self.inference = inference
        self.answers: list[str] = []
        # A file that only ranking reads need not be there for anything else.
        if inference == 'rank' and answer_list is not None:
            listed = read_answer_list(answer_list) if isinstance(answer_list, str) else list(answer_list)
            self.answers = check_answers(listed, 'answer_list')
        self.rank_k = rank_k
        self.rank_chunk = rank_chunk

    def text_of(self, data_samples: list) -> TextFeatures:
        return self.encode_text([sample.text for sample in data_samples])

    def loss(self, inputs: Tensor, data_samples: list) -> dict[str, Tensor]:
        """``loss_answer``: the weighted sum over answers of their cross-entropy, the mean over questions.

        Raises:
            ValueError: A sample has no answer to learn.
        """
        memory = self.remember(inputs, data_samples)
        rows, answers, weights = [], [], []
        for row, sample in enumerate(data_samples):
            counts = Counter(answer for answer in sample.answers if answer.strip())
            if not counts:
                raise ValueError(f'question {sample.get("sample_id")!r} has no answer to learn')
            scale = sample.get('answer_weight', 1.0) / counts.total()
            for answer, count in counts.items():
                rows.append(row)
                answers.append(answer)
                weights.append(scale * count)
        index = torch.tensor(rows, device=memory.mask.device)
        losses, _ = self.decoder.loss(memory[index], answers)
        return {'loss_answer': (losses * losses.new_tensor(weights)).sum() / len(data_samples)}

    @torch.no_grad()
    def predict(self, inputs: Tensor, data_samples: list) -> list:
        memory = self.remember(inputs, data_samples)
        if self.inference == 'rank':
            best, scores = rank_texts(self.decoder, memory, self.answers, self.rank_k, self.rank_chunk)
            answers = [self.answers[index] for index in best.tolist()]
        else:
            answers, scores = self.decoder.write(memory)
        for sample, answer, score in zip(data_samples, answers, scores.tolist(), strict=True):
            sample.set_field(answer, 'pred_answer')
            sample.set_field(score, 'pred_score')
        return data_samples
