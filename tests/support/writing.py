"""Toy captioner and answerer: the toy SLAN's base model with a small decoder."""

from __future__ import annotations

import torch
from support.toy import build_toy_slan, toy_config, toy_losses, toy_picture, toy_sample
from torch import nn

BERT = dict(
    hidden_size=24,
    num_hidden_layers=2,
    num_attention_heads=2,
    intermediate_size=32,
    max_position_embeddings=32,
    hidden_dropout_prob=0.0,
    attention_probs_dropout_prob=0.0,
)
QUESTIONS = (
    ('is there a red circle', ['yes'] * 8 + ['no'] * 2, 'yes/no'),
    ('what color is the star', ['blue'] * 10, 'other'),
    ('how many shapes', ['2'] * 9 + ['3'], 'number'),
    ('what shape is green', ['square'] * 10, 'other'),
)


def build_writer(type: str, seed: int = 0, **options: object) -> nn.Module:
    """A toy model of a type, with random weights that ``seed`` decides."""
    config = toy_config(type=type)
    del config['objective']
    decoder = dict(model=dict(BERT), max_words=30, generation=dict(num_beams=3)) | options.pop('decoder', {})
    return build_toy_slan(seed, config | dict(decoder=decoder) | options)


def question_batch(indices=(0, 1, 2, 3)) -> dict:
    """A batch of questions as ``pseudo_collate`` makes it."""
    samples = []
    for index in indices:
        question, answers, kind = QUESTIONS[index]
        samples.append(toy_sample(index, text=question, answers=list(answers), answer_type=kind, question_id=index))
    return dict(inputs=[toy_picture(index) for index in indices], data_samples=samples)


def overfit(model: nn.Module, batch: dict, name: str, steps: int = 80, lr: float = 4e-3) -> list[float]:
    """The losses on the way."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr)
    losses = []
    for _ in range(steps):
        loss = toy_losses(model, batch)[name]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss))
    return losses
