"""The self-locator on pairs: Algorithm 1 from line 2 on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from mmengine.model import BaseModule
from torch import Tensor, nn

from slan_mm.models import protocols
from slan_mm.models.locator.attention import Projections
from slan_mm.models.locator.box_embedding import BoxEmbedding
from slan_mm.models.locator.state import PairState, PreparedImages, PreparedTexts
from slan_mm.models.locator.word_maps import activation_map, level_maps, term_similarity
from slan_mm.models.sizes import build_sized
from slan_mm.pair_index import PairIndex
from slan_mm.registry import MODELS
from slan_mm.structures import ImageFeatures, Located, TextFeatures


def _fields(record: Any) -> dict[str, Any]:
    return {field.name: getattr(record, field.name) for field in fields(record)}


@MODELS.register_module()
class SelfLocator(BaseModule):
    """Region filter, then L region adaptors, on pairs of B images and T texts.

    Whatever depends on one image or one text alone is computed once for all its pairs, and no image's maps are copied.
    Region embeddings include the place of their box, and word-activation maps are centred, see
    :func:`activation_map`; not so in :class:`LiteralLocator`.

    Args:
        embed_dims: Width D.
        region_filter: Config of the region filter.
        adaptors: Configs of the L levels; none is Table 5's "0".
        pooling: Config of the pooling of similarities over the detector's boxes.
        map_terms: The region-word terms that are summed in word-activation maps, set by :class:`BaseSLAN`.
    """

    #: Whether word-activation maps are centred.
    centred = True
    #: What says where a box is.
    place_type: type[nn.Module] = BoxEmbedding

    def __init__(
        self,
        embed_dims: int,
        region_filter: dict,
        adaptors: list[dict],
        pooling: dict | None = None,
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
        self.pooling: protocols.Pooling = MODELS.build(pooling or dict(type='ExactMeanPooling'))
        self.box_embedding = self.place_type(embed_dims)

    def forward(
        self, image: ImageFeatures, text: TextFeatures, pairs: PairIndex | None = None, levels: int | None = None
    ) -> Located:
        """Locates the words of each pair's text in its image; ``pairs`` None is image p with text p.

        ``levels``: How many adaptors they go through; None: all L.

        Prepare images and texts that are used repeatedly once (:meth:`prepare_images`, :meth:`prepare_texts`);
        others are prepared here.
        """
        pairs = PairIndex.rows(text.words) if pairs is None else pairs
        images, words = self.prepare_images(image), self.prepare_texts(text)[pairs.text]

        saliency = self.saliency(images, words, pairs)
        index, weight, region_mask = self.filter(saliency, images.boxes, pairs)
        projections = self.first_projections(images, words, pairs, index, weight)
        state = PairState(
            regions=pairs.gather(images.regions, index) * weight.unsqueeze(-1).to(images.regions.dtype),
            boxes=pairs.gather(images.boxes, index),
            region_mask=region_mask,
            words=words.words,
            token_mask=words.mask,
            word_mask=words.word_mask,
        )
        boxes = [state.boxes]
        for number, adaptor in enumerate(list(self.adaptors)[:levels]):
            level: int = adaptor.feature_level - 1  # type: ignore[operator, assignment]
            activation = self.activation(images, words, pairs, level)
            projected = None if images.projected is None else images.projected[number]
            state = adaptor(state, images.pyramid[level], activation, pairs, projections, projected)
            boxes.append(state.boxes)
            projections = None

        kept = region_mask.unsqueeze(-1).to(state.regions.dtype)
        return Located(
            regions=state.regions,
            words=state.words,
            region_mask=region_mask,
            token_mask=words.mask,
            word_mask=words.word_mask,
            boxes=boxes,
            index=index,
            weight=weight,
            saliency=saliency,
            vision_cls=(state.regions * kept).sum(1) / kept.sum(1),
            text_cls=state.words[:, 0],
        )

    def activation(self, image: ImageFeatures, text: TextFeatures, pairs: PairIndex, level: int = -1) -> Tensor:
        """The word-activation maps (P, NT, H, W) of one level of the pyramid, from 0; ``text`` is of the P pairs."""
        return activation_map(text.word_space, level_maps(image.space_maps, level), pairs, self.centred)

    def saliency(self, images: PreparedImages, text: TextFeatures, pairs: PairIndex) -> Tensor:
        """The saliency logits (P, Nq) that the filter reads; ``text`` is of the P pairs."""
        if not self.filter.conditioned:
            return images.saliency.index_select(0, pairs.image)
        regions = {term: values.transpose(1, 2) for term, values in images.region_maps.items()}
        similarity = term_similarity(text.word_space, regions, pairs).transpose(1, 2)
        return self.filter.saliency_logits(similarity.float(), text.word_mask)

    def prepare_images(self, image: ImageFeatures, many_texts: bool = False) -> PreparedImages:
        """What the locator reads of B images alone; images that are prepared are returned as they are.

        ``many_texts``: also the projected maps. These cost as much as the moved regions of some dozens of pairs: at 224
        x 224 of 17, at 384 x 384 of 50.
        """
        if isinstance(image, PreparedImages):
            return image
        regions = image.regions + self.box_embedding(image.boxes).to(image.regions.dtype)
        region_maps = {}
        if self.filter.conditioned:
            for term, cells in level_maps(image.space_maps, -1).items():
                centred = cells - cells.mean((2, 3), keepdim=True) if self.centred else cells
                region_maps[term] = self.pooling(centred, image.boxes)
        key = value = None
        if len(self.adaptors):
            key, value = self.adaptors[0].attention.project_unweighted(regions)  # type: ignore[operator, union-attr]
        projected = None
        if many_texts:
            levels = [adaptor.feature_level - 1 for adaptor in self.adaptors]  # type: ignore[operator]
            projected = [
                adaptor.project_map(image.pyramid[level])  # type: ignore[operator, index]
                for adaptor, level in zip(self.adaptors, levels, strict=True)
            ]
        return PreparedImages(
            **_fields(image) | dict(regions=regions),
            region_maps=region_maps,
            key=key,
            value=value,
            projected=projected,
        )

    def prepare_texts(self, text: TextFeatures) -> PreparedTexts:
        """What the first exchange reads of T texts alone; texts that are prepared are returned as they are."""
        if isinstance(text, PreparedTexts):
            return text
        key = value = None
        if len(self.adaptors):
            key, value = self.adaptors[0].attention.project_words(text.words)  # type: ignore[operator, union-attr]
        return PreparedTexts(**_fields(text), key=key, value=value)

    def first_projections(
        self, images: PreparedImages, text: PreparedTexts, pairs: PairIndex, index: Tensor, weight: Tensor
    ) -> Projections | None:
        """What the first attention reads, of the kept regions ``index`` (P, NG) with their ``weight`` (P, NG).

        ``text`` is of the P pairs. None where there is no adaptor.
        """
        if images.key is None or images.value is None or text.key is None or text.value is None:
            return None
        key, value = pairs.gather(images.key, index), pairs.gather(images.value, index)
        weight = weight.unsqueeze(-1).to(key.dtype)
        key, value = self.adaptors[0].attention.weighted(key, value, weight)  # type: ignore[operator, union-attr]
        return Projections(key, value, text.key, text.value)
