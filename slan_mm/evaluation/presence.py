"""Calibration of "is it there": phrases of held-out captions, asked of their images and of others."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from slan_mm.datasets.noun_phrases import find_noun_phrases
from slan_mm.evaluation.evaluation_store import EvaluationStore
from slan_mm.evaluation.functional.presence import auroc, fit_logistic, threshold_at_recall
from slan_mm.evaluation.gallery import encode_gallery, encode_texts
from slan_mm.evaluation.pair_scores import PairScores
from slan_mm.models.inference import evaluating

_WORD = re.compile(r'\w+')
#: Images, and phrases, that are scored together.
CHUNK = 64


def phrase_pairs(captions: Sequence[Sequence[str]], seed: int = 0) -> tuple[list[str], np.ndarray, np.ndarray]:
    """Phrases of N images' captions, each with an image that has the thing and one that has not.

    Args:
        captions: of each image its texts.
        seed: of the draw of absent phrases.

    Returns:
        The P different phrases, in lower case, and two arrays (K, 2) of the same length, (image, phrase): the thing is
        named by a caption of the image; and is not. Not named is a phrase whose last word, the thing, stands in no
        caption of the image; it is drawn from the phrases as often as they come, so that frequent things are as
        frequent among absent ones.

    Raises:
        ValueError: no caption has a noun phrase, or no image lacks a thing.
    """
    found = [sorted({text[a:b].lower() for text in texts for a, b in find_noun_phrases(text)}) for texts in captions]
    words = [set(_WORD.findall(' '.join(texts).lower())) for texts in captions]
    phrases = sorted({phrase for own in found for phrase in own})
    number = {phrase: index for index, phrase in enumerate(phrases)}
    things = [(_WORD.findall(phrase) or [phrase])[-1] for phrase in phrases]
    present = [(image, number[phrase]) for image, own in enumerate(found) for phrase in own]
    if not present:
        raise ValueError('No caption has a noun phrase: there is nothing to ask for.')
    drawn = np.random.default_rng(seed)
    absent, kept = [], []
    for image, phrase in present:
        # A few tries: an image whose captions name every thing has none that is absent.
        for other in drawn.integers(len(present), size=20).tolist():
            if things[present[other][1]] not in words[image]:
                absent.append((image, present[other][1]))
                kept.append((image, phrase))
                break
    if not absent:
        raise ValueError('Every image names every thing: no thing is absent anywhere.')
    return phrases, np.array(kept), np.array(absent)


def calibrate_presence(model: Any, dataloader: Any, seed: int = 0) -> Mapping[str, float]:
    """Fits ``model.presence`` on the images and captions of ``dataloader``, and tells how good it is.

    Every second image fits the two numbers and the threshold; the others are what is told:

    - ``presence/auroc``: a thing that is there scores higher than one that is not.
    - ``presence/recall``, ``presence/false_positives``: percent of both that reach the threshold at which 90 % of the
      things of the first half do.
    - ``presence/threshold``: that threshold, as a probability.
    - ``presence/num_images``, ``presence/num_phrases``: how many were told of, things there and as many not.

    Absent is what no caption names. Captions leave things out, so that some of it is there, and figures are lower than
    the truth.

    Args:
        model: SLAN with ``presence``.
        dataloader: as for :class:`RetrievalEvaluator`.
        seed: of the draw of absent phrases.

    Raises:
        ValueError: see :func:`phrase_pairs`; or there are fewer than two images.
    """
    with evaluating(model):
        gallery = encode_gallery(model, dataloader)
        captions: list[list[str]] = [[] for _ in gallery.image_ids]
        for image, text in zip(gallery.text_image, gallery.texts, strict=True):
            captions[image].append(text)
        phrases, present, absent = phrase_pairs(captions, seed)
        asked = np.zeros((len(captions), len(phrases)), dtype=bool)
        for pairs in (present, absent):
            asked[tuple(pairs.T)] = True
        store = EvaluationStore()
        texts = encode_texts(model, phrases, None, store)
        owners = np.zeros(len(phrases), dtype=int)
        gallery = replace(gallery, texts=phrases, text_image=owners, text_features=texts)
        scores = PairScores(model, gallery, store, CHUNK, CHUNK, CHUNK)
        every = scores.some_pairs('region_word', asked, np.zeros(asked.shape, dtype=np.float32))
    fit, told = ([every[tuple(pairs[pairs[:, 0] % 2 == half].T)] for pairs in (present, absent)] for half in (0, 1))
    if not all(map(len, (*fit, *told))):
        raise ValueError(f'{len(captions)} images are too few: one half fits, the other tells how good it is.')
    model.presence.set(*fit_logistic(*fit))
    threshold = threshold_at_recall(fit[0])
    return {
        'presence/auroc': auroc(*told),
        'presence/recall': 100.0 * float(np.mean(told[0] >= threshold)),
        'presence/false_positives': 100.0 * float(np.mean(told[1] >= threshold)),
        'presence/threshold': float(model.presence(torch.tensor(threshold))),
        'presence/num_images': float(len(captions)),
        'presence/num_phrases': float(len(told[0])),
    }
