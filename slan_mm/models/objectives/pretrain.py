"""L_all = L_itm + L_itc + L_lm + L_reg (Eq. 8-9), from one batch of pairs."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, cast

import torch
from mmengine.dist import get_world_size
from mmengine.model import BaseModule
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from slan_mm.models import protocols
from slan_mm.models.locator.boxes import mean_move, pairwise_iou
from slan_mm.models.objectives.contrastive import ITCLoss, positives
from slan_mm.models.objectives.gather import gather, gather_record, global_mean, local_rows
from slan_mm.models.objectives.masked_lm import mask_tokens
from slan_mm.models.objectives.matching import Negatives, draw_negatives, itm_loss, rerank_loss
from slan_mm.models.objectives.momentum import MomentumEncoder
from slan_mm.models.sizes import build_sized
from slan_mm.registry import MODELS
from slan_mm.structures import ImageFeatures, Located, TextFeatures, TextTokens

if TYPE_CHECKING:
    from slan_mm.models.branches import ImageBranch, TextBranch
    from slan_mm.models.slan import SLAN


def image_ids(samples: list, device: torch.device) -> Tensor:
    """The samples' ``image_id`` strings as 63-bit numbers (B,), the same on every machine."""
    digests = [hashlib.blake2b(str(sample.image_id).encode(), digest_size=8).digest() for sample in samples]
    return torch.tensor([int.from_bytes(digest, 'big') >> 1 for digest in digests], device=device)


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
        score_weights: Fixed weights of the terms in the ITC score, see :class:`ScoreMixer`.
        calibrated: Region-word terms whose words need not count the same, see :class:`RegionWordLoss`.
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
        score_weights: dict[str, float] | None = None,
        calibrated: Sequence[str] = (),
        word_power: float = 1.0,
        seed: int = 0,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        self.weights = dict(itc=1.0, region_word=1.0, itm=1.0, rerank=0.0, lm=1.0, reg=1.0, saliency=1.0) | (
            weights or {}
        )
        self.mask_probability = mask_probability
        self.locator_start = locator_start
        self.itm_start = max(itm_start, locator_start)
        self.hardness = hardness
        self.word_power = word_power
        self.calibrated = frozenset(calibrated)
        self.negatives_from_all_ranks = negatives_from_all_ranks
        self.seed = seed
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
            config = dict(type='RegionWordLoss') | (region_word or {})
            self.region_word[term] = MODELS.build(config | (dict(word_dims=dims) if term in calibrated else {}))
        self.mixer = MODELS.build(dict(type='ScoreMixer', terms=['itc', *self.region_word], weights=score_weights))
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
        self.momentum = (
            nn.ModuleList(MomentumEncoder(branch, momentum=1 - momentum) for branch in (image_branch, text_branch))
            if momentum
            else None
        )

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

    def uniform(self, kind: int, shape: tuple[int, ...], device: torch.device) -> Tensor:
        """Numbers in [0, 1) decided by seed, iteration and ``kind`` alone."""
        generator = torch.Generator()
        generator.manual_seed((self.seed * 1_000_003 + int(self.iteration)) * 16 + kind)
        return torch.rand(shape, generator=generator).to(device)

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

    def negatives(self, scores: Tensor, ids: Tensor) -> Negatives:
        """For each own pair a hard negative text and a hard negative image: rows of the gathered batch, or of the own
        one where no other rank's are wanted. ``scores`` (B, B * ranks), mixed, of own images with all texts."""
        count = len(ids)
        scores, all_ids, own = gather(scores), gather(ids), local_rows(count)
        same = all_ids[:, None] == all_ids[None]
        if not self.negatives_from_all_ranks:
            rank = torch.arange(len(all_ids), device=ids.device) // count
            same = same | (rank[:, None] != rank[None])
        uniform = self.uniform(0, (2, len(all_ids)), ids.device)
        text, has_text = draw_negatives(scores * self.hardness, same, uniform[0])
        image, has_image = draw_negatives(scores.t() * self.hardness, same, uniform[1])
        rows = torch.arange(len(all_ids), device=ids.device)[own]
        negative = torch.stack([scores[rows, text[own]], scores[image[own], rows]])
        lead = (scores.diagonal()[own] - negative).flatten()
        # A row that stands in where there is no negative may be another rank's.
        first = 0 if self.negatives_from_all_ranks else own.start
        text, image = (text[own] - first).clamp(min=0), (image[own] - first).clamp(min=0)
        return Negatives(text, image, torch.cat([has_text[own], has_image[own]]), lead)

    def mask(self, tokens: TextTokens, encoder: protocols.TextEncoder) -> tuple[TextTokens, Tensor]:
        """LM's masked tokens and labels; a word's fate depends on its place in the global batch only."""
        count, length = tokens.input_ids.shape
        shape = (3, count * get_world_size(), encoder.max_words)
        uniform = self.uniform(1, shape, tokens.input_ids.device)[:, local_rows(count), :length]
        tokenizer = encoder.tokenizer
        masked, labels = mask_tokens(
            tokens.input_ids,
            tokens.word_mask,
            uniform,
            tokenizer.mask_token_id,
            len(tokenizer),
            self.mask_probability,
        )
        return replace(tokens, input_ids=masked), labels

    def forward(self, model: SLAN, inputs: Tensor, samples: list) -> dict[str, Tensor]:
        """Losses and diagnostics of B pairs (picture i, text i of ``samples``)."""
        tokens = model.tokenize([sample.text for sample in samples])
        ids = image_ids(samples, tokens.input_ids.device)
        image, text = model.encode_image(inputs), model.encode_text(tokens)
        soft, encoder = self.soft_targets, model.text_branch.encoder
        target = None if soft is None else soft(encoder, tokens, ids)
        losses, scores = self.contrast(image, text, ids, self.momentum_embeddings(model, inputs, tokens), target)
        if int(self.iteration) < self.locator_start:
            # One pair keeps every parameter in the graph, as distributed training asks, and counts nothing.
            image, text, tokens, ids = image[:1], text[:1], tokens[:1], ids[:1]
            located = self.located_losses(model, image, text, tokens, ids, scores[:1])
            losses |= {name: value * 0.0 for name, value in located.items() if name.startswith('loss_')}
        else:
            losses |= self.located_losses(model, image, text, tokens, ids, scores)
        if self.training:
            self.iteration += 1
        return losses

    def located_losses(
        self, model: SLAN, image: ImageFeatures, text: TextFeatures, tokens: TextTokens, ids: Tensor, scores: Tensor
    ) -> dict[str, Tensor]:
        """Losses and diagnostics of all that reads located pairs; ``scores`` as :meth:`contrast` gives them."""
        losses: dict[str, Tensor] = {}
        count = len(ids)
        matching = self.weights['itm'] > 0 and int(self.iteration) >= self.itm_start
        masking = self.weights['lm'] > 0
        spread = matching and self.negatives_from_all_ranks
        # Positive, masked and negative pairs go through the locator as one batch, in this order.
        images, texts = image.for_pairs(), text
        if spread:
            images, texts = gather_record(images), gather_record(texts, padded=True)
        own = torch.arange(len(images), device=ids.device)[local_rows(count) if spread else slice(None)]
        image_index, text_index = [own], [own]
        if masking:
            masked, labels = self.mask(tokens, model.text_branch.encoder)
            image_index.append(own)
            text_index.append(len(texts) + torch.arange(count, device=ids.device))
            texts = TextFeatures.cat([texts, model.encode_text(masked)])
        if matching:
            negatives = self.negatives(scores, ids)
            image_index += [own, negatives.image]
            text_index += [negatives.text, own]
        located = model.locate(images[torch.cat(image_index)], texts[torch.cat(text_index)])

        positive = located[:count]
        if matching:
            pairs = Located.cat([positive, located[-2 * count :]])
            pair_labels = torch.arange(len(pairs), device=ids.device) < count
            valid = torch.cat([torch.ones_like(pair_labels[:count]), negatives.valid])
            logits = self.itm_head(pairs)
            loss_itm, losses['itm_accuracy'] = itm_loss(logits, pair_labels, valid)
            losses['loss_itm'] = loss_itm * self.weights['itm']
            if self.weights['rerank']:
                losses['loss_rerank'] = rerank_loss(logits, negatives) * self.weights['rerank']
        else:
            # Keeps the head in the graph, as distributed training asks of every parameter.
            losses['loss_itm'] = self.itm_head(positive).float().sum() * 0.0
        if masking:
            words = located[count : 2 * count].words[:, : labels.shape[1]]
            embeddings = cast('protocols.WordEmbedder', model.text_branch.encoder).word_embeddings.weight
            losses['loss_lm'] = self.lm_head.loss(words, labels, embeddings) * self.weights['lm']
        losses |= self.locator_losses(image, positive, model)
        losses |= self.diagnostics(positive, image)
        return losses

    def locator_losses(self, image: ImageFeatures, positive: Located, model: SLAN) -> dict[str, Tensor]:
        """L_reg, and the image-only saliency learning from the conditioned one."""
        losses = {}
        if len(positive.boxes) > 1:
            loss = self.regression(positive.boxes, positive.region_mask, positive.weight)
            losses['loss_reg'] = loss * self.weights['reg']
        if model.locator.filter.conditioned:
            target = positive.saliency.detach().float().sigmoid()
            loss = binary_cross_entropy_with_logits(image.saliency.float(), target)
            losses['loss_saliency'] = loss * self.weights['saliency']
        return losses

    @torch.no_grad()
    def diagnostics(self, positive: Located, image: ImageFeatures) -> dict[str, Tensor]:
        """What tells a healthy locator from a collapsed one; of the positive pairs."""
        mask = positive.region_mask
        both = mask[:, :, None] & mask[:, None] & ~torch.eye(mask.shape[1], dtype=torch.bool, device=mask.device)
        kept = mask.sum()
        sums = {'pairwise_iou': ((pairwise_iou(positive.boxes[-1]) * both).sum(), both.sum())}
        for level, boxes in enumerate(positive.boxes):
            sums[f'side_{level}'] = ((boxes[..., 2:].prod(-1).sqrt() * mask).sum(), kept)
        for level, move in enumerate(mean_move(positive.boxes, mask), start=1):
            sums[f'move_{level}'] = (move * kept, kept)
        totals, counts = (torch.stack(column) for column in zip(*sums.values(), strict=True))
        return {
            'kept_share': kept / image.saliency.numel(),
            **dict(zip(sums, global_mean(totals, counts), strict=True)),
            # Another loss need not have one.
            **({'itc_temperature': 1 / self.itc.temperature()} if isinstance(self.itc, ITCLoss) else {}),
        }

    @torch.no_grad()
    def momentum_embeddings(self, model: SLAN, inputs: Tensor, tokens: TextTokens) -> tuple[Tensor, Tensor] | None:
        """The embeddings by the momentum encoders, which first take one step toward the model."""
        if self.momentum is None:
            return None
        for average, branch in zip(self.momentum, (model.image_branch, model.text_branch), strict=True):
            if self.training:
                average.update_parameters(branch)  # type: ignore[operator]
        image_average, text_average = self.momentum
        return image_average(inputs, embedding_only=True), text_average(tokens).embedding
