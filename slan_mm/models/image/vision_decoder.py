"""The vision decoder: V step by step upsampled into the pyramid F_1..F_L, coarse to fine (section 3.2.1)."""

from __future__ import annotations

from collections.abc import Sequence

from mmcv.cnn import ConvModule, DepthwiseSeparableConvModule
from mmengine.model import BaseModule
from torch import Tensor, nn
from torch.nn.functional import interpolate

from slan_mm.models.sizes import check_divides
from slan_mm.registry import MODELS


@MODELS.register_module()
class VisionDecoder(BaseModule):
    """F_i = convolutions of F_{i-1} (F_0 = V), upsampled by ``scales[i]``.

    Args:
        embed_dims: Width D.
        scales: For each level, how many times finer it is than the one before; 1 keeps the resolution.
        num_convs: 3 x 3 convolutions a level.
        separable: Whether they are depthwise separable, nine times cheaper.
        norm_cfg: Their normalisation; GroupNorm makes a sample independent of its batch.
        in_channels: Channels of the encoder's levels, which this decoder does not read.
    """

    def __init__(
        self,
        embed_dims: int,
        in_channels: Sequence[int] = (),
        scales: Sequence[int] = (1, 2, 2),
        num_convs: int = 1,
        separable: bool = False,
        norm_cfg: dict | None = None,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        self.scales = scales
        self.num_levels = len(scales)
        norm_cfg = norm_cfg or dict(type='GN', num_groups=8)
        check_divides('image.decoder', 'norm_cfg.num_groups', norm_cfg.get('num_groups', 1), embed_dims)
        conv = DepthwiseSeparableConvModule if separable else ConvModule
        self.levels = nn.ModuleList(
            nn.Sequential(
                *[
                    conv(embed_dims, embed_dims, 3, padding=1, norm_cfg=norm_cfg, act_cfg=dict(type='GELU'))
                    for _ in range(num_convs)
                ]
            )
            for _ in scales
        )

    def forward(self, feature_map: Tensor, levels: list[Tensor]) -> list[Tensor]:
        """V (B, D, H, W) and the backbone's ``levels`` to [F_1, ..., F_L], each (B, D, H_i, W_i)."""
        pyramid, current = [], feature_map
        for scale, convs in zip(self.scales, self.levels, strict=True):
            if scale != 1:
                current = interpolate(current, scale_factor=scale, mode='bilinear')
            # A residual keeps V's content at every resolution.
            current = current + convs(current)
            pyramid.append(current)
        return pyramid


@MODELS.register_module()
class SimplePyramid(BaseModule):
    """F_i are V at several resolutions, each made from V alone: the simple pyramid of ViTDet, for a plain ViT.

    V is halved by max-pooling, or doubled by a transposed convolution; then come a 1x1 and a 3x3 convolution.

    Args:
        embed_dims: Width D.
        scales: Of each level, how many times finer than V it is: 0.5, 1 or 2, rising.
        norm_cfg: Normalisation of the convolutions.
        in_channels: Channels of the encoder's levels, which this decoder does not read.

    Raises:
        ValueError: There is another scale, or they do not rise.
    """

    def __init__(
        self,
        embed_dims: int,
        in_channels: Sequence[int] = (),
        scales: Sequence[float] = (0.5, 1, 2),
        norm_cfg: dict | None = None,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        if not scales or list(scales) != sorted(scales) or set(scales) - {0.5, 1, 2}:
            raise ValueError(f'image.decoder.scales of a SimplePyramid are some of 0.5, 1, 2, rising, not {scales}')
        self.num_levels = len(scales)
        norm_cfg = norm_cfg or dict(type='GN', num_groups=8)
        check_divides('image.decoder', 'norm_cfg.num_groups', norm_cfg.get('num_groups', 1), embed_dims)

        def resample(scale: float) -> nn.Module:
            if scale == 0.5:
                # A last odd row or column is not lost.
                return nn.MaxPool2d(2, ceil_mode=True)
            return nn.Identity() if scale == 1 else nn.ConvTranspose2d(embed_dims, embed_dims, 2, stride=2)

        self.levels = nn.ModuleList(
            nn.Sequential(
                resample(scale),
                ConvModule(embed_dims, embed_dims, 1, norm_cfg=norm_cfg, act_cfg=None),
                ConvModule(embed_dims, embed_dims, 3, padding=1, norm_cfg=norm_cfg, act_cfg=None),
            )
            for scale in scales
        )

    def forward(self, feature_map: Tensor, levels: list[Tensor]) -> list[Tensor]:
        """V (B, D, H, W) to [F_1, ..., F_L], each (B, D, H_i, W_i), coarse to fine; ``levels`` are not read."""
        return [level(feature_map) for level in self.levels]


@MODELS.register_module()
class EncoderPyramid(BaseModule):
    """F_i are the backbone's own levels, projected to D, coarse to fine, in place of upsampling V (Table 10).

    Args:
        embed_dims: Width D.
        in_channels: Channels of the encoder's levels, in the encoder's order (fine to coarse).
        norm_cfg: Normalisation of the projections.
    """

    def __init__(
        self,
        embed_dims: int,
        in_channels: Sequence[int],
        norm_cfg: dict | None = None,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        self.num_levels = len(in_channels)
        norm_cfg = norm_cfg or dict(type='GN', num_groups=8)
        check_divides('image.decoder', 'norm_cfg.num_groups', norm_cfg.get('num_groups', 1), embed_dims)
        self.laterals = nn.ModuleList(
            ConvModule(channels, embed_dims, 1, norm_cfg=norm_cfg, act_cfg=None) for channels in in_channels
        )

    def forward(self, feature_map: Tensor, levels: list[Tensor]) -> list[Tensor]:
        """The backbone's ``levels`` to [F_1, ..., F_L], each (B, D, H_i, W_i); V is not read.

        Raises:
            ValueError: There are more or fewer levels than ``in_channels``.
        """
        if len(levels) != len(self.laterals):
            raise ValueError(
                f'EncoderPyramid is configured for {len(self.laterals)} backbone levels (in_channels) but the image '
                f'encoder yields {len(levels)}'
            )
        maps = [lateral(level) for lateral, level in zip(self.laterals, levels, strict=True)]
        return sorted(maps, key=lambda level: level.shape[-1])
