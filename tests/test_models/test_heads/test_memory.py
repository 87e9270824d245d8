"""What the decoder attends to."""

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
def test_it_holds_regions_words_and_the_finest_grid():
    model = build_toy_slan().eval()
    image = model.encode_image(torch.stack([toy_picture(index) for index in (0, 1)]).float() / 64 - 2)
    located = model.locate(image, model.encode_text(list(TEXTS[:2])))
    head = DecoderMemory(model.embed_dims, 24)
    memory = head(image, located)
    everywhere = torch.ones(2, 256, dtype=torch.bool)
    assert torch.equal(memory.mask, torch.cat([located.region_mask, located.token_mask, everywhere], dim=1))
    assert memory.mask.dtype == torch.bool and memory.tokens.shape == (*memory.mask.shape, 24)
    # One of each kind by hand: a region with its box, a word without one, the last cell with its own.
    num_regions = located.region_mask.shape[1]
    cell = image.pyramid[-1][1, :, -1, -1]
    corner = torch.tensor([1 - 0.5 / 16, 1 - 0.5 / 16, 1 / 16, 1 / 16])
    for place, number, value, box in (
        (0, 0, located.regions[1, 0], located.boxes[-1][1, 0]),
        (num_regions, 1, located.words[1, 0], None),
        (memory.mask.shape[1] - 1, 2, cell, corner),
    ):
        kind = ('regions', 'words', 'grid')[number]
        expected = head.norms[kind](value) + head.kinds.weight[number]
        if box is not None:
            expected = expected + head.place(box[None, None])[0, 0]
        torch.testing.assert_close(memory.tokens[1, place], head.projection(expected))
