"""The frames of a video as one sequence: joined features and located results of m frames.

A joined :class:`ImageFeatures` holds V videos in place of B images:

- ``boxes``, ``saliency``, ``regions``: the regions of all frames one after the other, (V, m * Nq, ...); boxes stay
  relative to their own frame;
- ``pyramid``, ``space_maps``: with an axis for the frames, (V, m, D, H_i, W_i);
- ``region_space``, ``pair_space``: (V, m * M * Nq, C), all regions of all frames, so that a word finds its best one in
  any frame;
- ``embedding``: the direction of the frames' mean embedding.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import normalize

from slan_mm.structures import ImageFeatures, Located


def _frame_axis(value: Tensor, frames: int) -> Tensor:
    """(V * m, ...) to (V, m, ...)."""
    return value.unflatten(0, (-1, frames))


def _in_a_row(value: Tensor, frames: int) -> Tensor:
    """(V * m, N, ...) to (V, m * N, ...)."""
    return _frame_axis(value, frames).flatten(1, 2)


def join_frames(image: ImageFeatures, frames: int) -> ImageFeatures:
    """Features of V * m frames, those of a video one after the other, to the joined features of V videos."""
    return ImageFeatures(
        boxes=_in_a_row(image.boxes, frames),
        saliency=_in_a_row(image.saliency, frames),
        regions=_in_a_row(image.regions, frames),
        pyramid=[_frame_axis(level, frames) for level in image.pyramid],
        space_maps={
            term: [_frame_axis(level, frames) for level in levels] for term, levels in image.space_maps.items()
        },
        region_space={term: _in_a_row(regions, frames) for term, regions in image.region_space.items()},
        embedding=None if image.embedding is None else normalize(_frame_axis(image.embedding, frames).mean(1), dim=-1),
        pair_space={term: _in_a_row(regions, frames) for term, regions in image.pair_space.items()},
    )


def num_frames(image: ImageFeatures) -> int | None:
    """m of joined features; None where they are of single images."""
    return image.pyramid[0].shape[1] if image.pyramid[0].dim() == 5 else None


def split_frames(image: ImageFeatures, frames: int) -> ImageFeatures:
    """Joined features of V videos to what the locator reads of their V * m frames; ITC's part is left out."""

    def rows(value: Tensor) -> Tensor:
        return value.unflatten(1, (frames, -1)).flatten(0, 1)

    return ImageFeatures(
        boxes=rows(image.boxes),
        saliency=rows(image.saliency),
        regions=rows(image.regions),
        pyramid=[level.flatten(0, 1) for level in image.pyramid],
        space_maps={term: [level.flatten(0, 1) for level in levels] for term, levels in image.space_maps.items()},
        region_space={},
        embedding=None,  # type: ignore[arg-type]
    )


def join_located(located: Located, frames: int) -> Located:
    """What was located in P * m frames to P pairs of a video and a text.

    The kept regions of all frames form one sequence, and ``vision_cls`` is their mean; a word is the mean over frames.
    So m equal frames give the same result as one.
    """
    queries = located.saliency.shape[1]
    shift = torch.arange(frames, device=located.index.device).repeat(len(located) // frames) * queries
    regions, mask = _in_a_row(located.regions, frames), _in_a_row(located.region_mask, frames)
    words = _frame_axis(located.words, frames).mean(1)
    kept = mask.unsqueeze(-1).to(regions.dtype)
    return Located(
        regions=regions,
        words=words,
        region_mask=mask,
        token_mask=_frame_axis(located.token_mask, frames)[:, 0],
        word_mask=_frame_axis(located.word_mask, frames)[:, 0],
        boxes=[_in_a_row(boxes, frames) for boxes in located.boxes],
        index=_in_a_row(located.index + shift[:, None], frames),
        weight=_in_a_row(located.weight, frames),
        saliency=_in_a_row(located.saliency, frames),
        vision_cls=(regions * kept).sum(1) / kept.sum(1),
        text_cls=words[:, 0],
    )
