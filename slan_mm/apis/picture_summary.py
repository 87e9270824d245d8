"""The summary of an image in an index: enough for the mixed score, and a thousandth of the features for ITM."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import normalize

from slan_mm.feature_store import FeatureStoreError
from slan_mm.structures import Batched, ImageFeatures

#: Regions that are kept of each region-word space.
REGIONS = 16
#: The most bytes of regions and boxes: where the spaces are so wide that they would take more, fewer regions are kept.
REGION_BYTES = 5120
#: Unit vectors are whole numbers in int8 times a length that is not kept.
_SCALE = 127.0


@dataclass
class PictureSummary(Batched):
    """N images.

    - ``embedding`` (N, E) float16: the unit vector that ITC compares.
    - ``regions``: for each region-word term K unit vectors (N, K, C), int8, see :meth:`features`.
    - ``boxes``: for each term the K regions' boxes (N, K, 4) float16, normalised cxcywh.
    """

    embedding: Tensor
    regions: dict[str, Tensor]
    boxes: dict[str, Tensor]

    @classmethod
    def of(cls, image: ImageFeatures) -> PictureSummary:
        """The summary of N images."""
        regions, boxes = {}, {}
        widths = sum(values.shape[-1] + 8 for values in image.region_space.values())
        count = min(REGIONS, max(REGION_BYTES // max(widths, 1), 1))
        for term, values in image.region_space.items():
            kept = spread(values.float(), count)
            own = torch.gather(values, 1, kept[:, :, None].expand(-1, -1, values.shape[-1])).float()
            own = own / own.abs().amax(-1, keepdim=True).clamp(min=1e-12)
            regions[term] = (own * _SCALE).round().to(torch.int8).cpu()
            # The regions of the M maps, V, F_1, ..., F_L, have the same boxes.
            where = kept % image.boxes.shape[1]
            boxes[term] = torch.gather(image.boxes, 1, where[:, :, None].expand(-1, -1, 4)).half().cpu()
        return cls(image.embedding.half().cpu(), regions, boxes)

    @classmethod
    def checked(cls, image: ImageFeatures) -> PictureSummary:
        """The summary of N images.

        Raises:
            FeatureStoreError: an embedding is not finite.
        """
        summary = cls.of(image)
        if not summary.embedding.isfinite().all():
            raise FeatureStoreError('Embeddings of pictures are not finite. The weights may have diverged.')
        return summary

    def features(self) -> ImageFeatures:
        """The features for ITC and the mixed score, in float32; other features are missing."""
        return ImageFeatures(
            boxes=None,  # type: ignore[arg-type]
            saliency=None,  # type: ignore[arg-type]
            regions=None,  # type: ignore[arg-type]
            pyramid=[],
            space_maps={},
            region_space={term: normalize(values.float(), dim=-1) for term, values in self.regions.items()},
            embedding=self.embedding.float(),
        )


def spread(vectors: Tensor, count: int) -> Tensor:
    """Indices (N, K) of the ``count`` of N x R unit vectors (N, R, C) that represent all best.

    Greedy selection: each step takes the vector that raises most the sum, over all vectors, of the highest cosine with
    a selected one. If several are equal, it takes the first. K is R if there are no more.
    """
    cosine = vectors @ vectors.transpose(1, 2)
    best = torch.full(cosine.shape[:2], -1.0, device=vectors.device)
    kept: list[Tensor] = []
    for _ in range(min(count, vectors.shape[1])):
        gain = (cosine - best[:, None]).clamp(min=0).sum(-1)
        if kept:
            gain.scatter_(1, torch.stack(kept, 1), -1.0)
        chosen = gain.argmax(1)
        kept.append(chosen)
        best = torch.maximum(best, cosine.gather(1, chosen[:, None, None].expand(-1, 1, best.shape[1]))[:, 0])
    return torch.stack(kept, 1)
