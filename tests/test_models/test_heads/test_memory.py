"""What the decoder attends to."""

import pytest
import torch
from support.toy import TEXTS, build_toy_slan, toy_picture

from slan_mm.models.heads import DecoderMemory
from slan_mm.models.heads.memory import cell_boxes


def test_cells_are_boxes_row_by_row():
    boxes = cell_boxes(2, 4, torch.zeros(1))
    assert boxes.shape == (8, 4)
    assert boxes[0].tolist() == [0.125, 0.25, 0.25, 0.5]
    assert boxes[1].tolist() == [0.375, 0.25, 0.25, 0.5]
    assert boxes[7].tolist() == [0.875, 0.75, 0.25, 0.5]


@torch.no_grad()
@pytest.mark.parametrize('parts', [('regions', 'words', 'grid'), ('grid',), ('words', 'regions')])
def test_parts(parts):
    model = build_toy_slan().eval()
    image = model.encode_image(torch.stack([toy_picture(index) for index in (0, 1)]).float() / 64 - 2)
    located = model.locate(image, model.encode_text(list(TEXTS[:2])))
    sizes = dict(regions=located.region_mask.shape[1], words=located.token_mask.shape[1], grid=16 * 16)
    memory = DecoderMemory(model.embed_dims, 24, parts)(image, located)
    assert memory.tokens.shape == (2, sum(sizes[part] for part in parts), 24)
    masks = dict(regions=located.region_mask, words=located.token_mask, grid=torch.ones(2, 256, dtype=torch.bool))
    assert torch.equal(memory.mask, torch.cat([masks[part] for part in parts], dim=1))
    assert memory.mask.dtype == torch.bool


@pytest.mark.parametrize('parts', [(), ('regions', 'sky')])
def test_unknown_parts(parts):
    with pytest.raises(ValueError, match='the parts of a memory are some of'):
        DecoderMemory(16, 16, parts)
