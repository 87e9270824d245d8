"""The image side of a pre-trained image-text pair (CLIP, SigLIP): SLAN's embedding and maps start as the pair's own.

Shapes: B images, C channels, H x W cells, E width of the pair's space.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from slan_mm.models.image.alignment import align
from slan_mm.models.image.branch import ImageBranch
from slan_mm.models.image.encoder import ImageEncoder
from slan_mm.models.image.transformers_backbone import TransformersBackbone, find_pair_tower
from slan_mm.models.sizes import check_pair_widths
from slan_mm.models.zero_gate import ZeroGate
from slan_mm.registry import MODELS
from slan_mm.structures import ImageFeatures


@MODELS.register_module()
class PairBackbone(TransformersBackbone):
    """The vision tower of a pair with its projection: its maps, and last the image's embedding (B, E, 1, 1).

    Args:
        backbone: What :class:`TransformersBackbone` takes; the last of ``out_layers`` is the tower's last.

    Raises:
        OSError, ValueError: See there.
        ValueError: It is no vision tower of a pair.
    """

    find_architecture = staticmethod(find_pair_tower)

    def __init__(self, *backbone: Any, **options: Any) -> None:
        super().__init__(*backbone, **options)
        if self.out_layers[-1] != self.model.config.num_hidden_layers:
            raise ValueError('the pair projects the tokens of its last layer: let out_layers end with -1.')

    @property
    def pair_dims(self) -> int:
        """E."""
        return getattr(self.model.config, self.facts.width)

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        maps, output = self.run(images)
        return (*maps, output[self.facts.pooled][..., None, None])

    def project(self, patches: Tensor) -> Tensor:
        """The last map (B, C, H, W) in the pair's space (B, E, H, W).

        CLIP's projection is linear. SigLIP's head pools tokens: of a patch alone it makes the patch's own value.
        """
        rows = patches.flatten(2).transpose(1, 2).reshape(-1, 1, patches.shape[1])
        projected = self.model.get_submodule(self.facts.projection)(rows)
        return projected.reshape(len(patches), -1, self.pair_dims).transpose(1, 2).unflatten(2, patches.shape[-2:])


@MODELS.register_module()
class PairImageEncoder(ImageEncoder):
    """An image encoder around a :class:`PairBackbone`, whose ``extract`` returns one level more, last: the pair's
    embedding of the images (B, E, 1, 1). ``project`` and all else take the levels without it.

    Args:
        encoder: What :class:`ImageEncoder` takes; the last of ``out_levels`` is the backbone's last map.

    Raises:
        ValueError: Also, the backbone or ``out_levels`` are others.
    """

    backbone: PairBackbone

    def __init__(self, *encoder: Any, **options: Any) -> None:
        super().__init__(*encoder, **options)
        if not isinstance(self.backbone, PairBackbone) or self.out_levels[-1] not in (
            -1,
            len(self.backbone.out_layers) - 1,
        ):
            raise ValueError(
                f"{type(self).__name__} reads a pair's tokens of its last layer: set image.encoder.backbone.type="
                "'PairBackbone', and let out_levels end with -1."
            )

    def extract(self, inputs: Tensor | Sequence[Tensor]) -> list[Tensor]:
        """The chosen maps (B, C, H, W), and the pair's embedding (B, E, 1, 1); levels as they are."""
        if not isinstance(inputs, Tensor):
            return list(inputs)
        with self._frozen():
            outputs = self.backbone(inputs)
        return [*self.choose(outputs), outputs[-1]]

    def choose(self, outputs: Tensor | Sequence[Tensor]) -> list[Tensor]:
        return super().choose(outputs[:-1])

    def pair_map(self, levels: Sequence[Tensor]) -> Tensor:
        """The last map of ``levels`` in the pair's space, unit vectors at every cell (B, E, H, W)."""
        patches = levels[-1].to(next(self.backbone.parameters()).dtype)
        with self._frozen():
            return normalize(self.backbone.project(patches), dim=1)

    def forward(self, inputs: Tensor | Sequence[Tensor]) -> Tensor:
        return self.project(self.extract(inputs)[:-1])

    def _frozen(self) -> Any:
        return torch.no_grad() if self.frozen else nullcontext()


@MODELS.register_module()
class PairImageBranch(ImageBranch):
    """An image branch whose embedding and unit maps start as the pair's; its own are added by gates that start at 0.

    A cell of the lexical maps is the pair's projection of the patch at its place.

    Args:
        branch: What :class:`ImageBranch` takes, with a :class:`PairImageEncoder`. The only region-word term is
            'lexical', and it and ITC have the pair's width.

    Raises:
        ValueError: Widths, terms or encoder are others.
    """

    encoder: PairImageEncoder  # type: ignore[assignment]

    def __init__(self, **branch: Any) -> None:
        super().__init__(**branch)
        if not isinstance(self.encoder, PairImageEncoder):
            raise ValueError("PairImageBranch: set image.encoder.type='PairImageEncoder'.")
        check_pair_widths(self.encoder.backbone.pair_dims, branch['itc_dims'], branch['space_dims'])
        self.itc_gate, self.map_gate = ZeroGate(), ZeroGate()

    def itc_modules(self) -> list[nn.Module]:
        return [*super().itc_modules(), self.itc_gate]

    def features(
        self, levels: list[Tensor], contrast: bool, found: tuple[Tensor, Tensor] | None = None
    ) -> ImageFeatures:
        image = super().features(levels[:-1], contrast, found)
        return replace(image, embedding=self._from_pair(levels, image.embedding)) if contrast else image

    def embed(self, levels: list[Tensor], boxes: Tensor, saliency: Tensor) -> Tensor:
        return self._from_pair(levels, super().embed(levels[:-1], boxes, saliency))

    def _from_pair(self, levels: list[Tensor], own: Tensor) -> Tensor:
        """ITC's unit vectors (B, E): those of the pair, which are the last of ``levels``, and our ``own``."""
        pair = normalize(levels[-1].flatten(1), dim=-1)
        return self.itc_gate(pair, own)

    def unit_maps(self, maps: Sequence[Tensor], term: str, levels: Sequence[Tensor]) -> list[Tensor]:
        pair = self.encoder.pair_map(levels)
        own = super().unit_maps(maps, term, levels)
        return [self.map_gate(align(pair, (level.shape[-2], level.shape[-1])), level, dim=1) for level in own]
