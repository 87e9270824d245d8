import math

import torch

from slan_mm.models.locator.boxes import cell_boxes, cell_centres, clip_boxes, mean_move, pairwise_iou


def test_clip_cuts_corners_as_a_viewer_would():
    boxes = torch.tensor(
        [
            [0.5, 0.5, 0.4, 0.2],  # inside: as it is
            [0.9, 0.5, 0.4, 0.2],  # spans .7-1.1: cut to .7-1
            [0.1, 0.05, 0.4, 0.3],  # spans -.1-.3 and -.1-.2: cut at 0
            [0.5, 0.5, 3.0, 3.0],  # larger than the image: the image
        ]
    )
    expected = torch.tensor([[0.5, 0.5, 0.4, 0.2], [0.85, 0.5, 0.3, 0.2], [0.15, 0.1, 0.3, 0.2], [0.5, 0.5, 1.0, 1.0]])
    torch.testing.assert_close(clip_boxes(boxes), expected)
    assert torch.equal(clip_boxes(boxes[None]), clip_boxes(boxes)[None])


def test_clip_keeps_a_minimum_size_and_pushes_inside():
    boxes = torch.tensor([[0.5, 0.5, 0.0, 0.001], [1.5, -0.7, 0.2, 0.2], [1.0, 1.0, 0.01, 0.01]])
    clipped = clip_boxes(boxes, min_size=0.1)
    expected = torch.tensor([[0.5, 0.5, 0.1, 0.1], [0.95, 0.05, 0.1, 0.1], [0.95, 0.95, 0.1, 0.1]])
    torch.testing.assert_close(clipped, expected)


def test_clip_has_a_gradient_where_nothing_is_cut():
    boxes = torch.tensor([[0.5, 0.5, 0.4, 0.2]], requires_grad=True)
    (clip_boxes(boxes) * torch.tensor([1.0, 2.0, 3.0, 4.0])).sum().backward()
    torch.testing.assert_close(boxes.grad, torch.tensor([[1.0, 2.0, 3.0, 4.0]]))


def test_cells_are_numbered_row_by_row():
    """Cell j is row j // K, column j % K, of a neighbourhood .6 wide and .3 high around (.5, .4)."""
    cells = cell_boxes(torch.tensor([0.5, 0.4]), torch.tensor([0.6, 0.3]), 3)
    assert cells.shape == (9, 4)
    for j in range(9):
        row, column = j // 3, j % 3
        expected = [0.5 + (column - 1) * 0.2, 0.4 + (row - 1) * 0.1, 0.2, 0.1]
        torch.testing.assert_close(cells[j], torch.tensor(expected))


def test_even_k_stays_centred():
    cells = cell_boxes(torch.tensor([[0.5, 0.5]]), torch.tensor([0.4, 0.4]), 2)
    expected = torch.tensor([[0.4, 0.4], [0.6, 0.4], [0.4, 0.6], [0.6, 0.6]])
    torch.testing.assert_close(cells[0, :, :2], expected)


def test_cell_centres():
    centres = cell_centres(2, 4, torch.device('cpu'), torch.float32)
    assert centres[0].tolist() == [0.125, 0.25]
    assert centres[3].tolist() == [0.875, 0.25]
    assert centres[4].tolist() == [0.125, 0.75]


def test_pairwise_iou():
    boxes = torch.tensor([[[0.25, 0.5, 0.5, 1.0], [0.5, 0.5, 0.5, 1.0], [0.9, 0.5, 0.1, 0.1]]])
    # Halves that share a quarter of the image: .25 / .75.
    expected = torch.tensor([[[1, 1 / 3, 0], [1 / 3, 1, 0], [0, 0, 1]]])
    torch.testing.assert_close(pairwise_iou(boxes), expected)


def test_mean_move_counts_kept_regions_only():
    start = torch.tensor([[[0.5, 0.5, 0.2, 0.2], [0.1, 0.1, 0.2, 0.2], [0.0, 0.0, 0.2, 0.2]]])
    moved = start + torch.tensor([[0.3, 0.4, 0.7, 0.1], [0.1, 0.0, 0.0, 0.0], [9.0, 9.0, 0.0, 0.0]])
    moves = mean_move([start, moved, moved], torch.tensor([[True, True, False]]))
    torch.testing.assert_close(moves[0], torch.tensor((0.5 + 0.1) / 2))
    assert moves[1] == 0 and len(moves) == 2 and not math.isnan(moves[1])
