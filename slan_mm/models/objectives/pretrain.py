"""The losses of pre-training (section 3.3). ``SLAN.loss`` makes their features and adds them up (Eq. 8, 9)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from slan_mm.models import protocols
from slan_mm.models.objectives.contrast import ContrastObjective
from slan_mm.models.objectives.matching import itm_loss, rerank_loss
from slan_mm.models.objectives.momentum import MomentumEncoders
from slan_mm.models.objectives.step_pairs import PairSampler, StepPairs
from slan_mm.models.objectives.word_masking import WordMasking
from slan_mm.models.sizes import build_sized
from slan_mm.registry import MODELS
from slan_mm.structures import EXIT_LEVEL, ImageFeatures, Located, TextFeatures

if TYPE_CHECKING:
    from slan_mm.models.image.branch import ImageBranch
    from slan_mm.models.text.branch import TextBranch


class PretrainObjective(ContrastObjective):
    """All pre-training losses, their heads, and the momentum encoders.

    ``contrast`` gives the losses of unimodal features, a call those of located pairs.

    Args:
        embed_dims: Width D, set by :class:`SLAN`.
        image_branch, text_branch: The branches that the momentum encoders copy.
        itm, regression: Configs of the components.
        early_itm: Config of a second ITM head, which reads pairs after :data:`EXIT_LEVEL`, where the retrieval cascade
            has its early exit; None: ``itm`` reads them there, too. It is trained by :class:`EarlyExitSLAN` alone.
        weights: Weight of each loss; without LM (weight 0) no text is masked and there is no LM head. 'rerank', 0
            unless given, is :func:`rerank_loss`.
        mask_probability: Share of words that LM masks.
        locator_start: Iterations before the locator, and all losses of its results, are trained. Before that only the
            contrastive terms are, at lower cost: words that are not grounded yet move no region.
        itm_start: Iterations before ITM's negatives are drawn.
        momentum: Momentum encoders' coefficient, e.g. 0.995 as in ALBEF; 0 for none.
        hardness: Factor of the scores before negatives are drawn by their softmax: the mixed score is a sum of scaled
            similarities, whose softmax would nearly always draw the hardest one.
        lead_weight: Weight of the mixed score's lead in the re-ranking loss, see :func:`rerank_loss`.
        negatives_from_all_ranks: Whether hard negatives come from the gathered batch; every rank then keeps the feature
            maps of all.
        seed: Of maskings and negatives, which depend on seed and iteration alone, on any number of ranks.
        contrast: What :class:`ContrastObjective` takes.
    """

    def __init__(
        self,
        embed_dims: int,
        image_branch: ImageBranch,
        text_branch: TextBranch,
        itm: dict | None = None,
        early_itm: dict | None = None,
        regression: dict | None = None,
        weights: dict[str, float] | None = None,
        mask_probability: float = 0.15,
        locator_start: int = 0,
        itm_start: int = 0,
        momentum: float = 0.0,
        hardness: float = 1.0,
        lead_weight: float = 1.0,
        negatives_from_all_ranks: bool = True,
        seed: int = 0,
        **contrast: Any,
    ) -> None:
        default = dict(itc=1.0, region_word=1.0, itm=1.0, rerank=0.0, similarity=1.0, lm=1.0, reg=1.0, saliency=1.0)
        if unknown := set(weights or {}) - set(default):
            raise ValueError(f'objective.weights names {sorted(unknown)}, the losses are {sorted(default)}')
        super().__init__(
            text_encoder=cast('nn.Module', text_branch.encoder), weights=default | (weights or {}), **contrast
        )
        self.sampler = PairSampler(hardness, negatives_from_all_ranks, seed)
        self.lead_weight = lead_weight
        self.locator_start = locator_start
        self.itm_start = max(itm_start, locator_start) if self.weights['itm'] else math.inf
        self.register_buffer('iteration', torch.zeros((), dtype=torch.long))

        self.itm_head: protocols.MatchHead = build_sized(
            dict(type='ITMHead') | (itm or {}), 'objective.itm', embed_dims=embed_dims
        )
        self.early_itm_head: protocols.MatchHead | None = None
        if early_itm is not None:
            self.early_itm_head = build_sized(
                dict(type='ITMHead') | early_itm, 'objective.early_itm', embed_dims=embed_dims
            ).requires_grad_(False)
        self.masking = None
        if self.weights['lm']:
            encoder = cast('protocols.WordEmbedder', text_branch.encoder)
            if encoder.tokenizer.mask_token_id is None:
                raise ValueError(
                    "LM masks words, and the text encoder's tokenizer has no [MASK]: set objective.weights=dict(lm=0)"
                )
            if text_branch.whole_words:
                raise ValueError(
                    'LM would mask the first piece of a word alone: set text.whole_words=False, or '
                    'objective.weights=dict(lm=0)'
                )
            self.masking = WordMasking(mask_probability, seed)
            self.lm_head = MODELS.build(
                dict(
                    type='MaskedLMHead',
                    embed_dims=embed_dims,
                    vocab_size=encoder.vocab_size,
                    word_dims=encoder.word_embeddings.embedding_dim,
                )
            )
        self.regression: protocols.RegressionLoss = MODELS.build(
            dict(type='ProgressiveRegressionLoss') | (regression or {})
        )
        self.momentum = MomentumEncoders(image_branch, text_branch, momentum) if momentum else None

    @property
    def locating(self) -> bool:
        """Whether the locator is trained in this iteration."""
        return int(self.iteration) >= self.locator_start

    def forward(
        self,
        pairs: StepPairs,
        located: Located,
        labels: Tensor | None,
        encoder: protocols.TextEncoder,
        saliency: Tensor | None,
    ) -> dict[str, Tensor]:
        """The losses of the ``located`` pairs: L_itm + L_lm + L_reg, and the saliency's.

        ``labels`` (B, NT) of the masked words, None without LM; ``encoder``: the one that embeds words;
        ``saliency`` (B, Nq): the image-only one to train, None where the filter reads it itself. Before
        ``locator_start`` all losses are 0.
        """
        positive = located[pairs.positive]
        losses = self.match(pairs, located)
        if labels is not None and pairs.masked is not None:
            embeddings = cast('protocols.WordEmbedder', encoder).word_embeddings.weight
            losses |= self.predict_words(located.words[pairs.masked], labels, embeddings)
        losses |= self.regress(positive)
        if saliency is not None:
            losses |= self.teach_saliency(saliency, positive)
        if self.locating:
            return losses
        return {name: value * 0.0 for name, value in losses.items() if name.startswith('loss_')}

    def match_logits(
        self,
        located: Located,
        image: ImageFeatures,
        text: TextFeatures,
        image_rows: Tensor,
        text_rows: Tensor,
        levels: int | None = None,
    ) -> Tensor:
        """ITM's logits (P,) of pairs ``located`` by ``levels``: pair p is of the image and the text in these rows.

        ``similarity`` has a loss of its own: what the head learns is added to it as it is.
        """
        early = self.early_itm_head if levels == EXIT_LEVEL else None
        logits = (early or self.itm_head)(located)
        if self.similarity is None:
            return logits
        return logits + self.similarity(image, text, image_rows, text_rows).detach()

    def match(self, pairs: StepPairs, located: Located, levels: int | None = None) -> dict[str, Tensor]:
        """L_itm (Eq. 4) of pairs that are ``located`` by ``levels`` of the locator; None: all."""
        parts = (pairs.positive,) if pairs.negatives is None else pairs.matched
        image_rows, text_rows = (
            torch.cat([rows[part] for part in parts]) for rows in (pairs.index.image, pairs.index.text)
        )
        matched = Located.cat([located[part] for part in parts])
        logits = self.match_logits(matched, pairs.images, pairs.texts, image_rows, text_rows, levels)
        if pairs.negatives is None:
            # Keeps the head in the graph, as distributed training asks of every parameter.
            return {'loss_itm': logits.float().sum() * 0.0}
        count = len(pairs.negatives.text)
        labels = torch.arange(len(logits), device=logits.device) < count
        valid = torch.cat([torch.ones_like(labels[:count]), pairs.negatives.valid])
        loss, accuracy = itm_loss(logits, labels, valid)
        losses = {'loss_itm': loss * self.weights['itm'], 'itm_accuracy': accuracy}
        if self.weights['rerank']:
            losses['loss_rerank'] = rerank_loss(logits, pairs.negatives, self.lead_weight) * self.weights['rerank']
        return losses

    def predict_words(self, words: Tensor, labels: Tensor, embeddings: Tensor) -> dict[str, Tensor]:
        """L_lm (Eq. 7): ``labels`` (B, NT) of the masked texts' fused ``words``; ``embeddings`` is the text encoder's
        matrix."""
        loss = self.lm_head.loss(words[:, : labels.shape[1]], labels, embeddings)
        return {'loss_lm': loss * self.weights['lm']}

    def regress(self, positive: Located) -> dict[str, Tensor]:
        """L_reg (Eq. 8)."""
        if len(positive.boxes) < 2:
            return {}
        loss = self.regression(positive.boxes, positive.region_mask, positive.weight)
        return {'loss_reg': loss * self.weights['reg']}

    def teach_saliency(self, saliency: Tensor, positive: Located) -> dict[str, Tensor]:
        """Trains the image-only saliency on the conditioned one."""
        target = positive.saliency.detach().float().sigmoid()
        loss = binary_cross_entropy_with_logits(saliency.float(), target)
        return {'loss_saliency': loss * self.weights['saliency']}

    def count_iteration(self) -> None:
        """Ends a training step."""
        if self.training:
            self.iteration += 1
