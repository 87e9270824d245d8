"""The image branch of SLAN: all features of images that do not depend on a text."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn
from torch.nn.functional import normalize

from slan_mm.models import protocols
from slan_mm.models.projection import projector
from slan_mm.models.sizes import build_sized
from slan_mm.registry import MODELS
from slan_mm.structures import ImageFeatures


@MODELS.register_module()
class ImageBranch(BaseModule):
    """Images to :class:`ImageFeatures`: encoder, vision decoder, detector, region pooling.

    Args:
        encoder, decoder, detector, pooling: Configs of the components.
        embed_dims: Width D.
        itc_dims: Width E of the embedding that ITC compares.
        space_dims: Width C of the region-word space of each term. Without region-word terms the adaptors still need
            the lexical space, which they then train alone.
        itc_hidden, itc_dropout: See :func:`projector`.
        map_terms: The region-word terms of the locator's maps, 'lexical' the first.
        embedding: Config of the module that pools regions and V to ITC's image embedding, e.g. ``AttentionPooling``;
            None is the paper's mean over regions, weighted by saliency.
        smoothing: Config of the smoothing of the locator's maps, e.g. ``AffinitySmoothing``; None for none.
    """

    def __init__(
        self,
        encoder: dict,
        decoder: dict,
        detector: dict,
        pooling: dict,
        embed_dims: int,
        itc_dims: int,
        space_dims: dict[str, int],
        itc_hidden: int | None = None,
        itc_dropout: float = 0.0,
        map_terms: Sequence[str] = ('lexical',),
        embedding: dict | None = None,
        smoothing: dict | None = None,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        self.encoder: protocols.ImageEncoder = build_sized(encoder, 'image.encoder', embed_dims=embed_dims)
        widths = dict(embed_dims=embed_dims, in_channels=self.encoder.in_channels)
        self.decoder: protocols.VisionDecoder = build_sized(decoder, 'image.decoder', **widths)
        self.detector: protocols.Detector = build_sized(detector, 'image.detector', embed_dims=embed_dims)
        self.pooling: protocols.Pooling = MODELS.build(pooling)
        self.region_projection = nn.Linear(embed_dims, embed_dims)
        self.embedding: protocols.ImageEmbedding | None = (
            None if embedding is None else build_sized(embedding, 'image.embedding', **widths)
        )
        self.smoothing: protocols.Smoothing | None = None if smoothing is None else MODELS.build(smoothing)
        self.itc_projection = (
            projector(embed_dims, itc_dims, itc_hidden, itc_dropout)
            if self.embedding is None
            # It has a nonlinearity of its own.
            else nn.Sequential(nn.Dropout(itc_dropout), nn.Linear(self.embedding.out_dims, itc_dims))
        )
        self.spaces = nn.ModuleDict({term: nn.Linear(embed_dims, dims) for term, dims in space_dims.items()})
        self.map_terms = tuple(map_terms)

    def itc_modules(self) -> list[nn.Module]:
        """What ITC alone reads."""
        return [module for module in (self.itc_projection, self.embedding) if isinstance(module, nn.Module)]

    def for_embedding(self) -> ImageBranch:
        """A branch of the same parts, without those that do not embed regions which are already found: detector and
        vision decoder."""
        branch = copy.copy(self)
        branch._modules = self._modules | dict.fromkeys(('decoder', 'detector'))
        return branch

    def forward(
        self,
        inputs: Tensor | Sequence[Tensor],
        contrast: bool = True,
        found: tuple[Tensor, Tensor] | None = None,
    ) -> ImageFeatures | Tensor:
        """``inputs`` (B, 3, H, W), normalised, or the encoder's own levels from a feature store.

        Without ``contrast`` the result has no ``region_space`` and no ``embedding``. With ``found``, boxes (B, Nq, 4)
        and saliency logits (B, Nq) of another branch's detector, it is the embedding (B, E) alone.
        """
        levels = self.encoder.extract(inputs)
        return self.features(levels, contrast) if found is None else self.embed(levels, *found)

    def features(
        self, levels: list[Tensor], contrast: bool, found: tuple[Tensor, Tensor] | None = None
    ) -> ImageFeatures:
        """The features of images whose ``levels`` the encoder has extracted; ``found``: boxes and saliency logits in
        place of the detector's."""
        feature_map = self.encoder.project(levels)
        pyramid = self.decoder(feature_map, levels)
        boxes, saliency = self.detector(feature_map) if found is None else found
        maps, num_regions = [feature_map, *pyramid], boxes.shape[1]
        lexical = self.unit_maps(maps if contrast else pyramid, 'lexical', levels)
        pooled = self.pool(maps if contrast else maps[:1], boxes)
        regions = self.region_projection(pooled[:, :num_regions])
        return ImageFeatures(
            boxes=boxes,
            saliency=saliency,
            regions=regions,
            pyramid=pyramid,
            space_maps=self.space_maps(lexical[-len(pyramid) :], pyramid, levels),
            region_space=self.region_space(pooled, lexical, boxes) if contrast else {},
            embedding=self.summarise(regions, saliency, feature_map, levels) if contrast else None,  # type: ignore[arg-type]
        )

    def region_space(self, pooled: Tensor, lexical: list[Tensor], boxes: Tensor) -> dict[str, Tensor]:
        """Of each region-word term its unit vectors of all regions on all maps (B, M * Nq, C).

        ``pooled`` (B, M * Nq, D) from V, F_1, ..., F_L; ``lexical``: these maps in the lexical space. There cells are
        unit vectors before they are pooled, so that a region's cosine is the mean of its cells' cosines in the
        word-activation map.
        """
        regions = {'lexical': self.pool(lexical, boxes)}
        regions |= {term: space(pooled) for term, space in self.spaces.items() if term != 'lexical'}
        return {term: normalize(values, dim=-1) for term, values in regions.items()}

    def space_maps(self, lexical: list[Tensor], pyramid: list[Tensor], levels: list[Tensor]) -> dict[str, list[Tensor]]:
        """The maps that the locator reads: the ``lexical`` unit maps of F_1..F_L, and those of other terms."""
        maps = {'lexical': lexical}
        for term in self.map_terms[1:]:
            maps[term] = self.unit_maps(pyramid, term, levels)
        if self.smoothing is None:
            return maps
        # One call, because what looks alike is the same for all terms.
        every = [level for of_term in maps.values() for level in of_term]
        smoothed = iter(self.smoothing(every, torch.cat(self.encoder.resize(levels), dim=1)))
        return {term: [next(smoothed) for _ in of_term] for term, of_term in maps.items()}

    def unit_maps(self, maps: Sequence[Tensor], term: str, levels: Sequence[Tensor]) -> list[Tensor]:
        """``maps`` (B, D, H, W) in the space of a region-word term, unit vectors at every cell, (B, C, H, W).

        The encoder's ``levels`` are not read.
        """
        space = self.spaces[term]
        return [normalize(space(level.movedim(1, -1)), dim=-1).movedim(-1, 1) for level in maps]

    def embed(self, levels: list[Tensor], boxes: Tensor, saliency: Tensor) -> Tensor:
        """ITC's unit vectors (B, E) of the encoder's ``levels``, for regions that are found; called by :meth:`forward`,
        as sharded branches need it."""
        feature_map = self.encoder.project(levels)
        regions = self.region_projection(self.pooling(feature_map, boxes))
        return self.summarise(regions, saliency, feature_map, levels)

    def summarise(self, regions: Tensor, saliency: Tensor, feature_map: Tensor, levels: Sequence[Tensor]) -> Tensor:
        """ITC's unit vectors (B, E) of regions (B, Nq, D), their saliency logits (B, Nq), V and the levels."""
        if self.embedding is None:
            weight = saliency.sigmoid().unsqueeze(-1)
            summary = (regions * weight).sum(1) / weight.sum(1)
        else:
            summary = self.embedding(regions, feature_map, levels)
        return normalize(self.itc_projection(summary), dim=-1)

    def pool(self, maps: list[Tensor], boxes: Tensor) -> Tensor:
        """``boxes`` (B, Nq, 4) pooled from each of M ``maps``, one after the other: (B, M * Nq, D)."""
        # Maps of one resolution share their pooling weights.
        by_size: dict[torch.Size, list[int]] = {}
        for index, level in enumerate(maps):
            by_size.setdefault(level.shape[-2:], []).append(index)
        pooled: dict[int, Tensor] = {}
        for indices in by_size.values():
            joint = self.pooling(torch.cat([maps[index] for index in indices], dim=1), boxes)
            pooled |= dict(zip(indices, joint.chunk(len(indices), dim=-1), strict=True))
        return torch.cat([pooled[index] for index in range(len(maps))], dim=1)
