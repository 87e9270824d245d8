"""The self-locator on pairs: Algorithm 1 from line 2 on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn

from slan_mm.models import protocols
from slan_mm.models.locator.attention import Projections
from slan_mm.models.locator.box_embedding import BoxEmbedding
from slan_mm.models.sizes import build_sized
from slan_mm.pair_index import PairIndex
from slan_mm.registry import MODELS
from slan_mm.structures import ImageFeatures, Located, TextFeatures


def map_words(text: TextFeatures, terms: Sequence[str]) -> Tensor:
    """The words that maps of ``terms`` are met by: those of the terms' spaces side by side, (T, NT, sum of C)."""
    words = [text.word_space[term] for term in terms]
    return words[0] if len(words) == 1 else torch.cat(words, dim=-1)


def activation_map(
    unit_map: Tensor,
    text: TextFeatures,
    centred: bool = True,
    pairs: PairIndex | None = None,
    terms: Sequence[str] = ('lexical',),
) -> Tensor:
    """The word-activation map M = F_i E^T: ``unit_map`` (P, C, H, W) and P texts to cosines (P, NT, H, W).

    Of a map of several ``terms``, side by side, it is the sum of their cosines.

    ``centred`` subtracts each word's mean over the picture: a word that responds everywhere, such as "and", names no
    place, and must neither keep regions nor draw them. With ``pairs`` the map is of B images, (B, C, H, W).
    """
    words, cells = map_words(text, terms), unit_map.flatten(2)
    activation = words @ cells if pairs is None else pairs.matmul(words, cells)
    if centred:
        activation = activation - activation.mean(-1, keepdim=True)
    return activation.unflatten(2, unit_map.shape[-2:])


def gather_rows(values: Tensor, index: Tensor) -> Tensor:
    """``values`` (P, N, ...) at ``index`` (P, K) of each row: (P, K, ...)."""
    expanded = index.view(*index.shape, *[1] * (values.dim() - 2)).expand(*index.shape, *values.shape[2:])
    return values.gather(1, expanded)


@MODELS.register_module()
class SelfLocator(BaseModule):
    """Region filter, then L region adaptors, for row-wise pairs of image and text features.

    Or for any pairs of B images and T texts, given as a :class:`PairIndex`: then all that is an image's alone or a
    text's alone is done once for all its pairs, and no image's maps are copied. The results are those of row-wise
    pairs up to rounding.

    Args:
        embed_dims: Width D.
        region_filter: Config of the region filter.
        adaptors: Configs of the L levels; none is Table 5's "0".
        pooling: Config of the pooling that reads similarities of the detector's boxes.
        centred: Whether word-activation maps are centred, see :func:`activation_map`.
        box_embedding: Whether region embeddings say where their box is before the first level.
        map_terms: The region-word terms that word-activation maps sum up, set by :class:`BaseSLAN`.
    """

    def __init__(
        self,
        embed_dims: int,
        region_filter: dict,
        adaptors: list[dict],
        pooling: dict | None = None,
        centred: bool = True,
        box_embedding: bool = True,
        map_terms: Sequence[str] = ('lexical',),
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        self.map_terms = tuple(map_terms)
        self.filter: protocols.RegionFilter = MODELS.build(region_filter)
        self.adaptors = nn.ModuleList(
            build_sized(adaptor, f'locator.adaptors[{number}]', embed_dims=embed_dims)
            for number, adaptor in enumerate(adaptors)
        )
        self.centred = centred
        self.pooling: protocols.Pooling = MODELS.build(pooling or dict(type='ExactMeanPooling'))
        self.box_embedding = BoxEmbedding(embed_dims) if box_embedding else None

    def prepare_image(self, image: ImageFeatures) -> ImageFeatures:
        """The features with all that the first exchange reads of images alone (``first_level``), B images.

        - ``regions`` (B, Nq, D): all regions, with their places.
        - ``key``, ``value`` (B, Nq, D): their projections, still without weights and biases.
        - ``lexical`` (B, Nq, C): the finest map pooled over all regions, centred as word-activation maps are. A dot
          product and a mean commute, so that the words' similarities to these are their pooled activations.
        """
        regions = image.regions
        if self.box_embedding is not None:
            regions = regions + self.box_embedding(image.boxes).to(regions.dtype)
        first = dict(regions=regions)
        if self.filter.conditioned:
            cells = image.space_maps[-1]
            if self.centred:
                cells = cells - cells.mean((2, 3), keepdim=True)
            first['lexical'] = self.pooling(cells, image.boxes)
        if len(self.adaptors):
            attention = self.adaptors[0].attention
            first['key'], first['value'] = attention.project_unweighted(regions)  # type: ignore[operator, union-attr]
        return replace(image, first_level=first)

    def prepare_text(self, text: TextFeatures) -> TextFeatures:
        """The features with all that the first exchange reads of texts alone: ``key`` and ``value`` (T, NT, D)."""
        if not len(self.adaptors):
            return text
        key, value = self.adaptors[0].attention.project_words(text.words)  # type: ignore[operator, union-attr]
        return replace(text, first_level=dict(key=key, value=value))

    def saliency(
        self, image: ImageFeatures, text: TextFeatures, activation: Tensor, pairs: PairIndex | None = None
    ) -> Tensor:
        """The saliency logits (P, Nq) that the filter reads; ``activation`` is the finest word-activation map.

        With ``pairs``, ``image`` is of B prepared images.
        """
        if not self.filter.conditioned:
            return image.saliency if pairs is None else image.saliency[pairs.image]
        if pairs is None:
            similarity = self.pooling(activation, image.boxes)
        else:
            regions = image.first_level['lexical'].transpose(1, 2)
            similarity = pairs.matmul(map_words(text, self.map_terms), regions).transpose(1, 2)
        return self.filter.saliency_logits(similarity.float(), text.word_mask)

    def start(
        self, image: ImageFeatures, text: TextFeatures, index: Tensor, weight: Tensor, pairs: PairIndex | None
    ) -> tuple[Tensor, Tensor, Projections | None]:
        """Boxes G_0 and regions E_0^G of the kept regions, weighted, and the first exchange's projections if known."""
        if pairs is None:
            boxes, regions = gather_rows(image.boxes, index), gather_rows(image.regions, index)
            if self.box_embedding is not None:
                regions = regions + self.box_embedding(boxes).to(regions.dtype)
            return boxes, regions * weight.unsqueeze(-1).to(regions.dtype), None
        rows, first = pairs.image[:, None], image.first_level
        weight = weight.unsqueeze(-1).to(image.regions.dtype)
        projections = None
        if len(self.adaptors):
            key, value = first['key'][rows, index], first['value'][rows, index]
            key, value = self.adaptors[0].attention.weighted(key, value, weight)  # type: ignore[operator, union-attr]
            projections = Projections(key, value, text.first_level['key'], text.first_level['value'])
        return image.boxes[rows, index], first['regions'][rows, index] * weight, projections

    def forward(self, image: ImageFeatures, text: TextFeatures, pairs: PairIndex | None = None) -> Located:
        """Locates the words of text p in image p, for every p; or those of pair p's text in its image.

        With ``pairs``, images and texts that will come again are best given prepared (:meth:`prepare_image`,
        :meth:`prepare_text`); others are prepared here.
        """
        if pairs is not None:
            image = image if image.first_level else self.prepare_image(image)
            text = (text if text.first_level else self.prepare_text(text))[pairs.text]
        activations = [
            activation_map(unit_map, text, self.centred, pairs, self.map_terms) for unit_map in image.space_maps
        ]
        saliency = self.saliency(image, text, activations[-1], pairs)
        index, weight, region_mask = self.filter(saliency, image.boxes, pairs)
        first_boxes, regions, projections = self.start(image, text, index, weight, pairs)
        boxes, words = [first_boxes], text.words
        for adaptor in self.adaptors:
            level = adaptor.feature_level - 1  # type: ignore[operator]
            regions, words, moved = adaptor(
                regions,
                words,
                boxes[-1],
                region_mask,
                text.mask,
                image.pyramid[level],
                activations[level],
                text.word_mask,
                projections,
                pairs,
            )
            boxes.append(moved)
            projections = None
        kept = region_mask.unsqueeze(-1).to(regions.dtype)
        return Located(
            regions=regions,
            words=words,
            region_mask=region_mask,
            word_mask=text.mask,
            boxes=boxes,
            index=index,
            weight=weight,
            saliency=saliency,
            vision_cls=(regions * kept).sum(1) / kept.sum(1),
            text_cls=words[:, 0],
        )
