"""The losses of pre-training (section 3.3), each of features: ``SLAN.loss`` makes these, and sums up (Eq. 8-9)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from slan_mm.models import protocols
from slan_mm.models.dist import gather
from slan_mm.models.objectives.contrastive import ITCLoss, positives
from slan_mm.models.objectives.diagnostics import locator_diagnostics
from slan_mm.models.objectives.matching import itm_loss, rerank_loss
from slan_mm.models.objectives.momentum import MomentumEncoders
from slan_mm.models.objectives.step_pairs import PairSampler, StepPairs
from slan_mm.models.sizes import build_sized
from slan_mm.registry import MODELS
from slan_mm.structures import ImageFeatures, Located, TextFeatures, TextTokens

if TYPE_CHECKING:
    from slan_mm.models.image.branch import ImageBranch
    from slan_mm.models.text.branch import TextBranch


class PretrainObjective(BaseModule):
    """All pre-training losses, the heads that only they need, and the momentum encoders.

    Args:
        embed_dims, itc_dims, space_dims: Widths D, E, and C of each region-word term, set by :class:`SLAN`.
        image_branch, text_branch: What the momentum encoders are copies of.
        itc, region_word, itm, regression: Configs of the components; ``region_word=None`` is the paper without it.
        weights: Weight of each loss; without LM (weight 0) no text is masked and there is no LM head. 'rerank', 0
            unless given, is :func:`rerank_loss`.
        mask_probability: Share of words that LM masks.
        locator_start: Iterations before the locator, and all that is read from it, learns: before that only the
            contrastive terms do, at a fraction of an iteration's cost. Words that find nothing yet move no region.
        itm_start: Iterations before ITM's negatives are drawn: it learns last.
        momentum: Momentum encoders' coefficient, e.g. 0.995 as in ALBEF; 0 for none.
        hardness: What the scores are multiplied by before negatives are drawn by their softmax: the mixed score is
            a sum of scaled similarities, whose softmax would leave the hardest one only.
        negatives_from_all_ranks: Whether hard negatives come from the gathered batch, for which every rank holds the
            feature maps of all.
        soft_targets: Config of :class:`SoftTargets` for the contrastive terms, ITC and region-word; None: the paper's
            targets. For a frozen text encoder, and without a queue.
        calibrated: Region-word terms whose words need not count the same, see
            :class:`CalibratedRegionWordLoss`.
        word_power: Power of the words' weights when phrases are grounded: 1 weighs a phrase's words as the calibrated
            terms do, 0 all alike. The terms tell whole captions apart, in which the rarest word decides.
        seed: Of maskings and negatives; together with the iteration it decides them, on any number of ranks.
    """

    def __init__(
        self,
        embed_dims: int,
        itc_dims: int,
        space_dims: dict[str, int],
        image_branch: ImageBranch,
        text_branch: TextBranch,
        itc: dict | None = None,
        region_word: dict | None = None,
        itm: dict | None = None,
        regression: dict | None = None,
        weights: dict[str, float] | None = None,
        mask_probability: float = 0.15,
        locator_start: int = 0,
        itm_start: int = 0,
        momentum: float = 0.0,
        hardness: float = 1.0,
        negatives_from_all_ranks: bool = True,
        soft_targets: dict | None = None,
        calibrated: Sequence[str] = (),
        word_power: float = 1.0,
        seed: int = 0,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        self.weights = dict(itc=1.0, region_word=1.0, itm=1.0, rerank=0.0, lm=1.0, reg=1.0, saliency=1.0)
        if unknown := set(weights or {}) - set(self.weights):
            raise ValueError(f'objective.weights names {sorted(unknown)}, the losses are {sorted(self.weights)}')
        self.weights |= weights or {}
        self.sampler = PairSampler(mask_probability, hardness, negatives_from_all_ranks, seed)
        self.locator_start = locator_start
        self.itm_start = max(itm_start, locator_start)
        self.word_power = word_power
        self.calibrated = frozenset(calibrated)
        self.register_buffer('iteration', torch.zeros((), dtype=torch.long))

        self.itc: protocols.ContrastiveLoss = build_sized(
            dict(type='ITCLoss') | (itc or {}), 'objective.itc', embed_dims=itc_dims
        )
        self.soft_targets = None
        if soft_targets is not None:
            if not getattr(text_branch.encoder, 'frozen', False) or (itc or {}).get('queue_size'):
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
        self.mixer = MODELS.build(dict(type='ScoreMixer', terms=['itc', *self.region_word]))
        self.itm_head: protocols.MatchHead = build_sized(
            dict(type='ITMHead') | (itm or {}), 'objective.itm', embed_dims=embed_dims
        )
        if self.weights['lm']:
            encoder = cast('protocols.WordEmbedder', text_branch.encoder)
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
        self.momentum = MomentumEncoders((image_branch, text_branch), momentum) if momentum else None

    def term_scores(self, image: ImageFeatures, text: TextFeatures) -> dict[str, Tensor]:
        """Every term's similarity of every image with every text, scaled by its temperature, each (B, T)."""
        scores = {'itc': self.itc.similarity(image.embedding, text.embedding)}
        for term, loss in self.region_word.items():
            scores[term] = loss.similarity(image.region_space[term], text.word_space[term], text.word_mask)  # type: ignore[operator]
        return scores

    def word_weight(self, text: TextFeatures) -> Tensor:
        """How much each word counts in a phrase to be found: (T, NT), over 0.

        The product of what it counts in the calibrated region-word terms, to the power of ``word_power``.
        """
        weight = torch.ones(text.word_mask.shape, device=text.word_mask.device)
        for term in self.region_word:
            if term in self.calibrated:
                weight = weight * self.region_word[term].word_calibration(text.word_space[term])[0]  # type: ignore[operator]
        return weight**self.word_power

    def pair_scores(self, image: ImageFeatures, text: TextFeatures) -> Tensor:
        """The mixed score (B, T) that shortlists and hard negatives are drawn by."""
        return self.mixer(self.term_scores(image, text))

    def contrast(
        self,
        image: ImageFeatures,
        text: TextFeatures,
        ids: Tensor,
        momentum: tuple[Tensor, Tensor] | None,
        target: Tensor | None,
    ) -> tuple[dict[str, Tensor], Tensor]:
        """ITC and region-word losses, and the mixed scores (B, B * ranks) of own images with all texts.

        ``target`` (B, B * ranks): what :class:`SoftTargets` gives, or None.
        """
        losses = {'loss_itc': self.itc(image.embedding, text.embedding, ids, momentum, target) * self.weights['itc']}
        scores = {'itc': self.itc.similarity(image.embedding, gather(text.embedding))}
        for term, objective in self.region_word.items():
            loss, scores[term] = objective(image.region_space[term], text.word_space[term], text.word_mask, ids, target)
            losses[f'loss_region_word_{term}'] = loss * self.weights['region_word']
        if len(scores) > 1:
            losses['loss_mixer'] = self.mixer.loss(scores, positives(ids, gather(ids)))
        return losses, self.mixer({term: score.detach() for term, score in scores.items()})

    @property
    def locating(self) -> bool:
        """Whether the locator learns already."""
        return int(self.iteration) >= self.locator_start

    @property
    def matching(self) -> bool:
        """Whether ITM learns already."""
        return self.weights['itm'] > 0 and int(self.iteration) >= self.itm_start

    def mask(self, tokens: TextTokens, encoder: protocols.TextEncoder) -> tuple[TextTokens, Tensor] | tuple[None, None]:
        """LM's masked tokens and labels of this iteration; None without LM."""
        if not self.weights['lm']:
            return None, None
        return self.sampler.mask(int(self.iteration), tokens, encoder)

    def pairs(
        self, image: ImageFeatures, text: TextFeatures, masked: TextFeatures | None, scores: Tensor, ids: Tensor
    ) -> StepPairs:
        """The pairs of this iteration; ``scores`` as :meth:`contrast` gives them."""
        negatives = self.sampler.negatives(int(self.iteration), scores, ids) if self.matching else None
        return self.sampler.pairs(image, text, masked, negatives)

    def located_losses(
        self,
        pairs: StepPairs,
        located: Located,
        labels: Tensor | None,
        encoder: protocols.TextEncoder,
        saliency: Tensor | None,
    ) -> dict[str, Tensor]:
        """What is learned from the ``located`` pairs, L_itm + L_lm + L_reg, and what the log tells of them.

        ``labels`` of the masked words, see :meth:`mask`; ``saliency`` (B, Nq): the image-only one that is taught, None
        where the filter reads it itself. Before ``locator_start`` all losses are 0.
        """
        positive = pairs.positive(located)
        losses = self.match(pairs, located)
        if labels is not None:
            embeddings = cast('protocols.WordEmbedder', encoder).word_embeddings.weight
            losses |= self.predict_words(pairs, located, labels, embeddings)
        losses |= self.regress(positive)
        if saliency is not None:
            losses |= self.teach_saliency(saliency, positive)
        if self.locating:
            return losses | locator_diagnostics(positive) | self.temperature()
        return {name: value * 0.0 for name, value in losses.items() if name.startswith('loss_')}

    def match(self, pairs: StepPairs, located: Located) -> dict[str, Tensor]:
        """L_itm (Eq. 4)."""
        if pairs.negatives is None:
            # Keeps the head in the graph, as distributed training asks of every parameter.
            return {'loss_itm': self.itm_head(pairs.positive(located)).float().sum() * 0.0}
        logits = self.itm_head(pairs.matched(located))
        labels = torch.arange(len(logits), device=logits.device) < pairs.count
        valid = torch.cat([torch.ones_like(labels[: pairs.count]), pairs.negatives.valid])
        loss, accuracy = itm_loss(logits, labels, valid)
        losses = {'loss_itm': loss * self.weights['itm'], 'itm_accuracy': accuracy}
        if self.weights['rerank']:
            losses['loss_rerank'] = rerank_loss(logits, pairs.negatives) * self.weights['rerank']
        return losses

    def predict_words(
        self, pairs: StepPairs, located: Located, labels: Tensor, embeddings: Tensor
    ) -> dict[str, Tensor]:
        """L_lm of the masked words' ``labels`` (B, NT); ``embeddings`` is the text encoder's matrix."""
        words = pairs.masked_words(located)[:, : labels.shape[1]]
        return {'loss_lm': self.lm_head.loss(words, labels, embeddings) * self.weights['lm']}

    def regress(self, positive: Located) -> dict[str, Tensor]:
        """L_reg (Eq. 8)."""
        if len(positive.boxes) < 2:
            return {}
        loss = self.regression(positive.boxes, positive.region_mask, positive.weight)
        return {'loss_reg': loss * self.weights['reg']}

    def teach_saliency(self, saliency: Tensor, positive: Located) -> dict[str, Tensor]:
        """The image-only saliency learns from the conditioned one."""
        target = positive.saliency.detach().float().sigmoid()
        loss = binary_cross_entropy_with_logits(saliency.float(), target)
        return {'loss_saliency': loss * self.weights['saliency']}

    @torch.no_grad()
    def temperature(self) -> dict[str, Tensor]:
        """ITC's, for the log; another loss need not have one."""
        return {'itc_temperature': 1 / self.itc.temperature()} if isinstance(self.itc, ITCLoss) else {}

    def count_iteration(self) -> None:
        """Ends a training step."""
        if self.training:
            self.iteration += 1
