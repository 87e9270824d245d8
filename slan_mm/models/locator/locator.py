"""The self-locator on pairs: Algorithm 1 from line 2 on."""

from __future__ import annotations

from mmengine.model import BaseModule
from torch import Tensor, nn

from slan_mm.models.locator.box_embedding import BoxEmbedding
from slan_mm.registry import MODELS
from slan_mm.structures import ImageFeatures, Located, TextFeatures


def activation_map(unit_map: Tensor, text: TextFeatures, centred: bool = True) -> Tensor:
    """The word-activation map M = F_i E^T: ``unit_map`` (P, C, H, W) and P texts to cosines (P, NT, H, W).

    ``centred`` subtracts each word's mean over the picture: a word that responds everywhere, such as "and", names no
    place, and must neither keep regions nor draw them.
    """
    activation = text.word_space['lexical'] @ unit_map.flatten(2)
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

    Args:
        embed_dims: Width D.
        region_filter: Config of the region filter.
        adaptors: Configs of the L levels; none is Table 5's "0".
        pooling: Config of the pooling that reads similarities of the detector's boxes.
        centred: Whether word-activation maps are centred, see :func:`activation_map`.
        box_embedding: Whether region embeddings say where their box is before the first level.
    """

    def __init__(
        self,
        embed_dims: int,
        region_filter: dict,
        adaptors: list[dict],
        pooling: dict | None = None,
        centred: bool = True,
        box_embedding: bool = True,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        self.filter = MODELS.build(region_filter)
        self.adaptors = nn.ModuleList(MODELS.build(dict(embed_dims=embed_dims, **adaptor)) for adaptor in adaptors)
        self.centred = centred
        self.pooling = MODELS.build(pooling or dict(type='ExactMeanPooling'))
        self.box_embedding = BoxEmbedding(embed_dims) if box_embedding else None

    def saliency(self, image: ImageFeatures, text: TextFeatures, activation: Tensor) -> Tensor:
        """The saliency logits (P, Nq) that the filter reads; ``activation`` is the finest word-activation map."""
        if not self.filter.conditioned:
            return image.saliency
        return self.filter.saliency_logits(self.pooling(activation, image.boxes).float(), text.word_mask)

    def forward(self, image: ImageFeatures, text: TextFeatures) -> Located:
        """Locates the words of text p in image p, for every p."""
        activations = [activation_map(unit_map, text, self.centred) for unit_map in image.space_maps]
        saliency = self.saliency(image, text, activations[-1])
        index, weight, region_mask = self.filter(saliency, image.boxes)
        boxes = [gather_rows(image.boxes, index)]
        regions = gather_rows(image.regions, index)
        if self.box_embedding is not None:
            regions = regions + self.box_embedding(boxes[0]).to(regions.dtype)
        regions = regions * weight.unsqueeze(-1).to(regions.dtype)
        words = text.words
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
            )
            boxes.append(moved)
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
