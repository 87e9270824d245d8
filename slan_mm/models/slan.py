"""SLAN as it is pre-trained (Figure 2): base model, objectives and grounding. Loss and prediction share one path."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from slan_mm.models.base import BaseSLAN
from slan_mm.models.inference import RetrievalInference
from slan_mm.models.map_components import MapComponents
from slan_mm.models.objectives import PretrainObjective
from slan_mm.models.objectives.contrast import image_ids
from slan_mm.models.phrase_grounding import ground_phrases, marked_text, set_regions
from slan_mm.models.phrase_words import mix_words, one_phrase_texts
from slan_mm.models.presence import Presence
from slan_mm.models.score_weights import ScoreWeights
from slan_mm.models.state_dict_hooks import fit_chosen, fit_objective
from slan_mm.pair_index import PairIndex
from slan_mm.registry import MODELS
from slan_mm.structures import ImageFeatures, Located, TextFeatures, TextTokens


@MODELS.register_module()
class SLAN(RetrievalInference, BaseSLAN):
    """Self-Locator Aided Network.

    Args:
        objective: Config of the pre-training objectives, which own the ITM and LM heads.
        phrases_alone: Whether a phrase is located by its own words alone, with a pass of the locator for each; else the
            regions of the whole text are ranked for it.
        alone_share: With ``phrases_alone``, how much of a phrase's words is read without the rest of the sentence, see
            :func:`mix_words`; 0 reads them in their sentence only.
        score_weights: Config of :class:`ScoreWeights`, the weights of the final score; None: the mixer's for ITC and
            region-word terms, and 1 for ITM.
        presence: Config of :class:`Presence`, the probability that a phrase's thing is in the image at all; None: it is
            not told. Set by ``tools/calibrate.py``.
        several: How many boxes answer a phrase that names several things and no number, such as "dogs"; "two dogs" is
            answered by two, see :func:`things_named`. They are its best regions that hardly overlap. None: one box.
        components: Config of ``MapComponents``, which adds the parts of a phrase's map to its regions. Needs
            ``several``.
        base: What :class:`BaseSLAN` takes.

    Raises:
        ValueError: ``several`` is less than 1, or ``components`` lack it; ``alone_share`` is no share, or lacks
            ``phrases_alone``.
    """

    #: Prediction leaves ``pred_phrases``, ranked regions of each phrase.
    grounds_phrases = True
    contrasts = True
    scores_mean = (
        'Retrieval: use a score only to compare candidates (texts for one image, or images for one text). Grounding: a '
        'score ranks the regions of one image. It is not a probability and may be negative; every phrase gets a best '
        'box, even if the image does not contain the object.'
    )

    def __init__(
        self,
        objective: dict,
        phrases_alone: bool = False,
        alone_share: float = 0.0,
        score_weights: dict | None = None,
        presence: dict | None = None,
        several: int | None = None,
        components: dict | None = None,
        **base: Any,
    ) -> None:
        super().__init__(**base)
        if not 0 <= alone_share <= 1:
            raise ValueError(f'alone_share must be between 0 and 1, got {alone_share}')
        if alone_share and not phrases_alone:
            raise ValueError('alone_share is for phrases that are located alone: set phrases_alone=True')
        self.phrases_alone, self.alone_share = phrases_alone, alone_share
        self.score_weights: ScoreWeights | None = None
        if score_weights is not None:
            self.score_weights = MODELS.build(dict(type='ScoreWeights') | score_weights)
        self.presence: Presence | None = None
        if presence is not None:
            self.presence = MODELS.build(dict(type='Presence') | presence)
        if several is not None and several < 1:
            raise ValueError(f'several must be at least 1, got {several}')
        if components is not None and several is None:
            raise ValueError('components are ranked by how many boxes answer a phrase: set several, such as several=3')
        self.several = several
        self.components: MapComponents | None = None if components is None else MODELS.build(components)
        self.register_load_state_dict_pre_hook(fit_chosen)
        self.register_load_state_dict_pre_hook(fit_objective)
        self.objective = PretrainObjective(
            **objective,
            embed_dims=self.embed_dims,
            itc_dims=self.itc_dims,
            space_dims=self.space_dims,
            image_branch=self.image_branch,
            text_branch=self.text_branch,
        )
        for part in self.frozen_parts:
            part.requires_grad_(False)

    @property
    def frozen_parts(self) -> list[Any]:
        """Modules that are not trained: with ``objective.frozen_contrast`` all that contrast trains."""
        objective = self.objective
        if not objective.frozen_contrast:
            return []
        return [self.image_branch, self.text_branch, objective.itc, objective.region_word, objective.mixer]

    def train(self, mode: bool = True) -> SLAN:
        """Sets the mode; what is frozen stays in evaluation mode (no dropout)."""
        super().train(mode)
        for part in self.frozen_parts:
            part.eval()
        return self

    def encode_image(self, inputs: Tensor | Sequence[Tensor]) -> ImageFeatures:
        """Features of B images, see :class:`BaseSLAN`; with what ITM compares, if it has a similarity."""
        image = super().encode_image(inputs)
        return image if self.objective.similarity is None else replace(image, pair_space=image.region_space)

    def itc_scores(self, image: ImageFeatures, text: TextFeatures) -> Tensor:
        """ITC alone: similarity of every image's embedding with every text's, (B, T) logits."""
        return self.objective.itc.similarity(image.embedding, text.embedding)

    def shortlist_scores(self, image: ImageFeatures, text: TextFeatures) -> Tensor:
        """ITC and region-word terms mixed, all from unimodal features: (B, T) logits of every image and text."""
        if self.score_weights is None:
            return self.objective.pair_scores(image, text)
        scores, weight = self.itc_scores(image, text), float(self.score_weights.region_word)
        return scores + weight * self.region_word_scores(image, text) if weight else scores

    def region_word_scores(self, image: ImageFeatures, text: TextFeatures) -> Tensor:
        """Region-word terms alone, as the mixer weighs them beside an ITC of weight 1: (B, T) logits."""
        return self.objective.region_word_scores(image, text)

    def itm_scores(
        self, image: ImageFeatures, text: TextFeatures, pairs: PairIndex | None = None, levels: int | None = None
    ) -> Tensor:
        """Match logits (P,) of row-wise pairs, or of the ``pairs`` of B images and T texts, see :meth:`locate`."""
        located, index = self.locate(image, text, pairs, levels), pairs or PairIndex.rows(text.words)
        return self.objective.match_logits(located, image, text, index.image, index.text, levels).float()

    def prepare_images(self, image: ImageFeatures, many_texts: bool = False) -> ImageFeatures:
        """Images for several calls of :meth:`itm_scores`, with what the locator computes from them alone.

        ``many_texts``: for some dozens of texts and more, see :meth:`SelfLocator.prepare_images`.
        """
        return self.locator.prepare_images(image.for_pairs(), many_texts)

    def loss(self, inputs: Tensor, data_samples: list) -> dict[str, Tensor]:
        """L_all = L_itm + L_itc + L_lm + L_reg (Eq. 8, 9), and region-word terms, of pairs (image i, its own text).

        MMEngine adds up the entries named ``loss_...`` (``parse_losses``); others are only logged.
        """
        objective, encoder, iteration = self.objective, self.text_branch.encoder, int(self.objective.iteration)
        image = self.encode_image(inputs)
        tokens = self.tokenize([sample.text for sample in data_samples])
        # Before the locator's start one pair keeps every parameter in the graph, as distributed training asks.
        located_rows = slice(None if iteration >= objective.locator_start else 1)
        text, masked, labels = self.encode_texts_and_masked(tokens, tokens[located_rows])

        # L_itc and the region-word terms. Their mixed scores tell which negatives are hard.
        ids = image_ids(data_samples, tokens.input_ids.device)
        target = None if objective.soft_targets is None else objective.soft_targets(encoder, tokens, ids)
        momentum = None
        if objective.momentum is not None:
            momentum = objective.momentum.embed(self.image_branch, self.text_branch, inputs, tokens, image)
        losses, scores = objective.contrast(image, text, ids, momentum, target)

        # The pairs: each image with its own text, with that masked, with a hard negative; each text with one.
        negatives = None
        if iteration >= objective.itm_start:
            negatives = objective.sampler.negatives(iteration, scores, ids)
        image, text = image[located_rows], text[located_rows]
        pairs = objective.sampler.pairs(image, text, masked, negatives)
        located = self.locate(pairs.images, pairs.texts, pairs.index)

        # L_itm, L_lm and L_reg.
        taught = image.saliency if self.locator.filter.conditioned else None
        losses |= objective(pairs, located, labels, encoder, taught)
        objective.count_iteration()
        return losses

    def encode_texts_and_masked(
        self, tokens: TextTokens, maskable: TextTokens
    ) -> tuple[TextFeatures, TextFeatures | None, Tensor | None]:
        """Features of ``tokens``, and for LM those of ``maskable`` with masked words and their labels; None without LM.

        They pass the text encoder together, so that its weights, and their gradients, are read once.
        """
        if self.objective.masking is None:
            return self.encode_text(tokens), None, None
        masked, labels = self.text_branch.mask(maskable, self.objective.masking, int(self.objective.iteration))
        text = self.encode_text(TextTokens.cat([tokens, masked]))
        return text[: len(tokens)], text[len(tokens) :], labels

    def predict(self, inputs: Tensor, data_samples: list) -> list:
        """Grounds the phrases of each sample's text in its image; see :meth:`ground_pairs`."""
        tokens = self.tokenize([sample.text for sample in data_samples])
        image, text = self.encode_image(inputs), self.encode_text(tokens)
        self.tell_presence(image, data_samples)
        return self.ground_pairs(image, text, tokens, self.locate(image, text), data_samples)

    def tell_presence(self, image: ImageFeatures, data_samples: list) -> None:
        """Adds ``pred_presence`` to every sample with phrases, where the model is calibrated: of each phrase the
        probability (Q,) that the thing is in the image, see :class:`Presence`; NaN of a phrase without any token."""
        asked = [(row, phrases) for row, sample in enumerate(data_samples) if (phrases := marked_text(sample).phrases)]
        if self.presence is None or not self.presence.calibrated or not asked:
            return
        tokens, start = self.tokenize([phrase for _, phrases in asked for phrase in phrases]), 0
        text, read = self.encode_text(tokens), tokens.word_mask.any(dim=1)
        for row, phrases in asked:
            rows = slice(start, start + len(phrases))
            own = text[rows]
            scores = self.region_word_scores(image[row : row + 1], own)[0]
            present = self.presence(scores).masked_fill(~read[rows], torch.nan)
            data_samples[row].set_field(present, 'pred_presence')
            start += len(phrases)

    def ground_pairs(
        self,
        image: ImageFeatures,
        text: TextFeatures,
        tokens: TextTokens,
        located: Located | None,
        data_samples: list,
        pairs: PairIndex | None = None,
    ) -> list:
        """Ranks the regions of pairs for the phrases of ``data_samples``, see :func:`ground_phrases`.

        ``word_weight`` of the objective weights a phrase's words. With ``phrases_alone`` a phrase has its own regions;
        ``pred_regions`` are still those of the whole text.

        Args:
            image: Of B images.
            text, tokens: Of P texts, that of pair p the p-th.
            located: Of the pairs; None locates what is needed, which with ``phrases_alone`` leaves no ``pred_regions``.
            data_samples: P samples.
            pairs: Of which image each text is; None: text p of image p.
        """
        weight, parts = self.objective.word_weight(text), (self.several, self.components)
        if not self.phrases_alone:
            located = self.locate(image, text, pairs) if located is None else located
            return ground_phrases(image, text, tokens, located, data_samples, self.image_branch, weight, pairs, *parts)
        if located is not None:
            set_regions(located.boxes[-1], located.region_mask, data_samples)
        rows, alone = one_phrase_texts(text, tokens, data_samples)
        phrases = [
            sample.new(text=sample.text, phrases=[phrase])
            for sample in data_samples
            for phrase in sample.get('phrases') or []
        ]
        if phrases:
            image = image.for_pairs()
            if self.alone_share:
                strings = [phrase for sample in data_samples for phrase in marked_text(sample).phrases]
                alone = mix_words(alone, self.encode_text(strings), self.alone_share)
            # The phrases of an image share its maps.
            of_image = rows if pairs is None else pairs.image[rows]
            each = PairIndex(of_image, torch.arange(len(rows), device=rows.device), num_images=len(image))
            located = self.locate(image, alone, each)
            ground_phrases(image, alone, tokens[rows], located, phrases, self.image_branch, weight[rows], each, *parts)
        answers = iter(phrases)
        for sample in data_samples:
            own = [next(answers) for _ in sample.get('phrases') or []]
            sample.set_field([answer.pred_phrases[0] for answer in own], 'pred_phrases')
            sample.set_field([answer.pred_peaks[0] for answer in own], 'pred_peaks')
            sample.set_field([answer.unread[0] for answer in own], 'unread')
            if self.several is not None:
                sample.set_field([answer.pred_counts[0] for answer in own], 'pred_counts')
        return data_samples
