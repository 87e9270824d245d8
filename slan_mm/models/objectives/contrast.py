"""Contrast of images with texts: ITC and region-word terms (Eq. 5, 6), and their mixed score."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn

from slan_mm.models import protocols
from slan_mm.models.dist import gather, gather_record
from slan_mm.models.objectives.contrastive import positives
from slan_mm.models.objectives.similarity import SimilarityFiltration
from slan_mm.models.sizes import build_sized
from slan_mm.registry import MODELS
from slan_mm.structures import ImageFeatures, TextFeatures


def image_ids(samples: Sequence, device: torch.device) -> Tensor:
    """The samples' ``image_id`` strings as 63-bit numbers (B,), the same on every machine."""
    digests = [hashlib.blake2b(str(sample.image_id).encode(), digest_size=8).digest() for sample in samples]
    return torch.tensor([int.from_bytes(digest, 'big') >> 1 for digest in digests], device=device)


class ContrastObjective(BaseModule):
    """The losses of unimodal features, before any pair is located; hard negatives follow their scores.

    Args:
        itc_dims, space_dims: Widths E, and C of each region-word term, set by :class:`SLAN`.
        text_encoder: The model's; ``soft_targets`` need it frozen.
        weights: Weight of each loss, with 'itc' and 'region_word'.
        itc, region_word: Configs of the components; ``region_word=None`` is the paper without it.
        soft_targets: Config of :class:`SoftTargets` for the contrastive terms, ITC and region-word; None: the paper's
            targets. For a frozen text encoder, and without a queue.
        similarity: Config of :class:`SimilarityFiltration`, whose logit is added to ITM's; None: the paper's ITM alone.
        frozen_contrast: Whether contrast stays as it is: its losses are left out, and :class:`SLAN` trains the locator
            and ITM alone, on features without gradient and dropout.
        calibrated: Region-word terms with learned word weights, see :class:`CalibratedRegionWordLoss`.
        word_power: Exponent of the word weights when phrases are grounded: 1 weighs a phrase's words as the calibrated
            terms do, 0 equally. The terms compare whole captions, in which the rarest word decides.
    """

    def __init__(
        self,
        itc_dims: int,
        space_dims: dict[str, int],
        text_encoder: nn.Module,
        weights: dict[str, float],
        itc: dict | None = None,
        region_word: dict | None = None,
        soft_targets: dict | None = None,
        similarity: dict | None = None,
        frozen_contrast: bool = False,
        calibrated: Sequence[str] = (),
        word_power: float = 1.0,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        self.weights = weights
        self.word_power = word_power
        self.calibrated = frozenset(calibrated)
        self.itc: protocols.ContrastiveLoss = build_sized(
            dict(type='ITCLoss') | (itc or {}), 'objective.itc', embed_dims=itc_dims
        )
        self.soft_targets = None
        if soft_targets is not None:
            if not getattr(text_encoder, 'frozen', False) or (itc or {}).get('queue_size'):
                raise ValueError(
                    'soft_targets are of a frozen text encoder, and a queue has none: set text.encoder.frozen=True and '
                    'objective.itc.queue_size=0.'
                )
            self.soft_targets = MODELS.build(dict(type='SoftTargets') | soft_targets)
        terms = {} if region_word is None else space_dims
        if unknown := set(calibrated) - set(terms):
            raise ValueError(f'calibrated names {sorted(unknown)}, the region-word terms are {sorted(terms)}')
        self.region_word = nn.ModuleDict()
        for term, dims in terms.items():
            kind: dict = dict(type='RegionWordLoss')
            if term in calibrated:
                kind = dict(type='CalibratedRegionWordLoss', word_dims=dims)
            self.region_word[term] = MODELS.build(kind | (region_word or {}))
        names = ['itc', *self.region_word]
        if self.soft_targets is not None and (unknown := set(self.soft_targets.terms or ()) - set(names)):
            raise ValueError(f'soft_targets.terms names {sorted(unknown)}, the contrastive terms are {names}')
        self.mixer = MODELS.build(dict(type='ScoreMixer', terms=names))
        self.frozen_contrast = frozen_contrast
        self.similarity: SimilarityFiltration | None = None
        if similarity is not None:
            dims_of = {term: space_dims[term] for term in self.region_word}
            self.similarity = MODELS.build(dict(type='SimilarityFiltration', space_dims=dims_of) | similarity)

    def term_scores(self, image: ImageFeatures, text: TextFeatures) -> dict[str, Tensor]:
        """Every term's similarity of every image with every text, scaled by its temperature, each (B, T)."""
        scores = {'itc': self.itc.similarity(image.embedding, text.embedding)}
        for term, loss in self.region_word.items():
            scores[term] = loss.similarity(image.region_space[term], text.word_space[term], text.word_mask)  # type: ignore[operator]
        return scores

    def word_weight(self, text: TextFeatures) -> Tensor:
        """The weight of each word in a phrase to ground: (T, NT), over 0.

        The product of its weights in the calibrated region-word terms, to the power of ``word_power``.
        """
        weight = torch.ones(text.word_mask.shape, device=text.word_mask.device)
        for term in self.region_word:
            if term in self.calibrated:
                weight = weight * self.region_word[term].word_calibration(text.word_space[term])[0]  # type: ignore[operator]
        return weight**self.word_power

    def pair_scores(self, image: ImageFeatures, text: TextFeatures) -> Tensor:
        """The mixed score (B, T) for shortlists and hard negatives."""
        return self.mixer(self.term_scores(image, text))

    def region_word_scores(self, image: ImageFeatures, text: TextFeatures) -> Tensor:
        """The region-word terms alone, in units of ITC: their part of the mixed score over ITC's weight, (B, T)."""
        scores = self.term_scores(image, text)
        mixed = self.mixer(scores | {'itc': torch.zeros_like(scores['itc'])})
        return mixed / self.mixer.weight('itc')

    def soft_target(self, term: str, target: Tensor | None) -> Tensor | None:
        """``target`` if the term has soft ones, see :class:`SoftTargets`; None for the paper's."""
        softened = None if self.soft_targets is None else self.soft_targets.terms
        return target if softened is None or term in softened else None

    def contrast(
        self,
        image: ImageFeatures,
        text: TextFeatures,
        ids: Tensor,
        momentum: tuple[Tensor, Tensor] | None,
        target: Tensor | None,
    ) -> tuple[dict[str, Tensor], Tensor]:
        """ITC and region-word losses, and the mixed scores (B, B * ranks) of own images with all texts.

        ``target`` (B, B * ranks): of :class:`SoftTargets`, or None. With ``frozen_contrast`` the only loss is that of
        ``similarity``.
        """
        losses: dict[str, Tensor] = {}
        if self.frozen_contrast:
            mixed = self.pair_scores(image, gather_record(text, padded=True))
        else:
            itc = self.itc(image.embedding, text.embedding, ids, momentum, self.soft_target('itc', target))
            losses['loss_itc'] = itc * self.weights['itc']
            scores = {'itc': self.itc.similarity(image.embedding, gather(text.embedding))}
            for term, objective in self.region_word.items():
                own = (image.region_space[term], text.word_space[term], text.word_mask)
                loss, scores[term] = objective(*own, ids, self.soft_target(term, target))
                losses[f'loss_region_word_{term}'] = loss * self.weights['region_word']
            if len(scores) > 1:
                losses['loss_mixer'] = self.mixer.loss(scores, positives(ids, gather(ids)))
            mixed = self.mixer({term: score.detach() for term, score in scores.items()})
        if self.similarity is not None:
            losses['loss_similarity'] = self.similarity.loss(image, text, mixed, ids) * self.weights['similarity']
        return losses, mixed
