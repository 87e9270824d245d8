"""What ITM may read beside the located pair: how well each word is found in the image (SGRAF, Diao et al. 2021)."""

from __future__ import annotations

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn
from torch.nn.functional import normalize
from torch.utils.checkpoint import checkpoint

from slan_mm.models.dist import gather, gather_record, local_rows
from slan_mm.models.objectives.contrastive import positives, soft_cross_entropy
from slan_mm.registry import MODELS
from slan_mm.structures import ImageFeatures, TextFeatures

#: Images whose pairs with all texts of a step are compared together.
IMAGE_CHUNK = 8


@MODELS.register_module()
class SimilarityFiltration(BaseModule):
    """A logit of each pair from the similarities of its words to the image's regions, to be added to ITM's.

    SGRAF's similarity attention filtration. In each region-word space a word attends to all regions; what it finds, a,
    is compared with the word w channel by channel, by w * a and (w - a)^2. These similarity vectors say more than their
    sum, the cosine, which the contrastive terms have: which channels count is learned, and so is the weight of a word.
    The logit is the weighted mean over words. It starts at 0 for every pair.

    It learns what the mixed score lacks: ``loss`` is the contrastive loss of the sum of both.

    Args:
        space_dims: Width C of each region-word space, set by :class:`SLAN`.
        channels: Width of a similarity vector.
        sharpness: Factor of the cosines before the softmax over regions, at the start of training.
        dropout: Of channels.
    """

    def __init__(
        self,
        space_dims: dict[str, int],
        channels: int = 32,
        sharpness: float = 20.0,
        dropout: float = 0.2,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        self.log_sharpness = nn.ParameterDict({term: torch.tensor(sharpness).log() for term in space_dims})
        self.projection = nn.ModuleDict({term: nn.Linear(2 * dims + 1, channels) for term, dims in space_dims.items()})
        width = channels * len(space_dims)
        self.weight = nn.Sequential(nn.Linear(width, channels), nn.GELU(), nn.Linear(channels, 1))
        self.score = nn.Sequential(
            nn.Linear(width, channels), nn.GELU(), nn.Dropout(dropout), nn.Linear(channels, 1, bias=False)
        )
        self.dropout = nn.Dropout(dropout)
        nn.init.zeros_(self.score[-1].weight)  # type: ignore[arg-type]

    def forward(self, image: ImageFeatures, text: TextFeatures, image_rows: Tensor, text_rows: Tensor) -> Tensor:
        """The logits (P,) of the pairs of ``image_rows`` and ``text_rows``, both (P,); images have ``pair_space``."""
        mask = text.word_mask[text_rows]
        vectors = []
        for term, projection in self.projection.items():
            words, regions = text.word_space[term][text_rows], image.pair_space[term][image_rows]
            cosine = words @ regions.transpose(1, 2)
            found = normalize((cosine * self.log_sharpness[term].exp()).softmax(dim=-1) @ regions, dim=-1)
            # Channels of unit vectors are small: about 1 for a good match, on average.
            compared = torch.cat([words * found, (words - found) ** 2], dim=-1) * words.shape[-1] ** 0.5
            vectors.append(projection(torch.cat([self.dropout(compared), cosine.amax(-1, keepdim=True)], dim=-1)))
        similarity = torch.cat(vectors, dim=-1)
        # A text without words has the mean of its tokens.
        heard = self.weight(similarity).squeeze(-1).masked_fill(~mask, -1e4).softmax(dim=-1)
        return (heard * self.score(similarity).squeeze(-1)).sum(-1)

    def loss(self, image: ImageFeatures, text: TextFeatures, scores: Tensor, ids: Tensor) -> Tensor:
        """Contrastive loss, both ways, of the sum of mixed scores and logits, where only the logits learn.

        ``scores`` (B, B * ranks): mixed ones of own images with all texts; ``ids`` (B,) of the own images.
        """
        texts, count = gather_record(text, padded=True), len(image)
        own = torch.arange(count, device=ids.device)
        text_rows = torch.arange(len(texts), device=ids.device)
        # A few images at a time, and once more in the backward pass: the similarity vectors of all pairs are large.
        logits = []
        for rows in own.split(IMAGE_CHUNK):
            pairs = rows.repeat_interleave(len(texts)), text_rows.repeat(len(rows))
            logits.append(checkpoint(self, image, texts, *pairs, use_reentrant=False).view(len(rows), -1))
        total = scores.detach() + torch.cat(logits)
        target = positives(ids, gather(ids))
        return soft_cross_entropy(total, target) + soft_cross_entropy(gather(total).t()[local_rows(count)], target)
