"""tools/analysis/get_flops.py against operations counted by hand."""

import sys
from pathlib import Path

import pytest
from support.toy import SIZE, build_toy_slan

ROOT = Path(__file__).parents[2]
TINY = str(ROOT / 'configs/pretrain/slan_tiny_shapes.py')
#: Of the toy model: width, region-word spaces, ITC, BERT, feed-forward layers, regions, tokens, cells of F_1 and F_2.
D, LEXICAL, CONTEXTUAL, ITC, BERT, FFN, NQ, NG, NT, COARSE, FINE = 16, 10, 11, 12, 20, 32, 13, 8, 7, 64, 256


@pytest.fixture(autouse=True)
def tools(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / 'tools/analysis'))


def twice(**parts):
    """A multiply-add is two operations."""
    return {name: 2 * count for name, count in parts.items()}


def attention(queries, keys, width):
    """Multiply-adds of an attention layer: projections of queries and outputs, of keys and values; two products."""
    return 2 * queries * width**2 + 2 * keys * width**2 + 2 * queries * keys * width


def by_hand():
    """Multiply-adds of the toy model, for a 32 x 32 picture and a text of five words, seven tokens."""
    image = dict(
        backbone=FINE * 8 * 3 * 9 + COARSE * 16 * 8 * 9,
        encoder=FINE * 8 * D + COARSE * 16 * D,
        # The fine level is resized from 16 x 16 to 8 x 8, rows first.
        alignment=D * (8 * 16 * 16 + 8 * 16 * 8),
        # Depthwise 3 x 3, then pointwise; V has COARSE cells.
        decoder=sum(cells * (9 * D + D * D) for cells in (COARSE, FINE)),
        detector_encoder=attention(COARSE, COARSE, D) + 2 * COARSE * D * FFN,
        detector_decoder=attention(NQ, NQ, D) + attention(NQ, COARSE, D) + 2 * NQ * D * FFN,
        detector_heads=NQ * (2 * D * D + 4 * D + D),
        lexical_maps=(2 * COARSE + FINE) * D * LEXICAL,
        pooling=NQ * (2 * COARSE + FINE) * (D + LEXICAL),
        regions=NQ * D * D + 3 * NQ * D * CONTEXTUAL + D * ITC,
        prepare=NQ * 4 * 32 * D + NQ * FINE * LEXICAL + 2 * NQ * D * D,
    )
    text = dict(
        bert=attention(NT, NT, BERT) + 2 * NT * BERT * FFN,
        projections=2 * NT * BERT * D,
        spaces=NT * D * (LEXICAL + CONTEXTUAL) + BERT * ITC,
        prepare=2 * NT * D * D,
    )
    level = (
        4 * NG * NT * D  # two directions, two products each
        + (NG + NT) * D * D  # outputs
        + 2 * (NG + NT) * D * FFN
        + NG * D * D
        + NG * 4 * 32 * D  # embedding of the moved regions, and where they are
    )
    # A move pools the words' maps, weights them, and takes two moments of two coordinates.
    maps = sum(cells * (NT * LEXICAL + 2 * NG * NT + 2 * 2 * NG + NG * D) for cells in (COARSE, FINE))
    pair = dict(
        maps=maps,
        saliency=NT * NQ * LEXICAL,
        levels=2 * level,
        keys_and_values=2 * (NG + NT) * D * D,  # of the second level; the first one's are known
        head=3 * D * D + D + NT * (D * D + D),
    )
    return twice(**image), twice(**text), twice(**pair)


def test_whole_model_by_hand():
    from get_flops import model_flops, total

    model = build_toy_slan().eval()
    assert model.image_branch.detector.num_queries == NQ and model.locator.filter.top == NG
    flops = model_flops(model, (SIZE, SIZE), num_words=NT - 2)
    image, text, pair = by_hand()
    counted = flops['per image']
    assert counted['image_branch.encoder.backbone.fine.0'] == 2 * FINE * 8 * 3 * 9
    detector = {name: count for name, count in counted.items() if name.startswith('image_branch.detector.')}
    assert sum(detector.values()) == sum(count for name, count in image.items() if name.startswith('detector'))
    assert counted['locator.prepare'] == image['prepare']
    assert flops['per text']['locator.prepare'] == text['prepare']
    assert total(flops) == {
        'per image': sum(image.values()),
        'per text': sum(text.values()),
        'per pair': sum(pair.values()),
    }


def test_shapes_alone_count_as_numbers_do(monkeypatch, capsys):
    import get_flops

    monkeypatch.setattr(sys, 'argv', ['get_flops.py', TINY, '--shape', '64', '96', '--words', '8', '--depth', '1'])
    get_flops.main()
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith('|')]
    rows = {cells[1].strip(): cells for cells in (line.split('|') for line in lines)}
    assert {'image_branch.encoder', 'text_branch.encoder', 'locator.adaptors', 'total', 'per pair'} <= rows.keys()
    counted = get_flops.total(get_flops.model_flops(get_flops.flops_model(TINY, 8), (64, 96), 8))
    for column, stage in enumerate(get_flops.STAGES, start=2):
        assert float(rows['total'][column]) == pytest.approx(counted[stage] / 1e9, abs=6e-4)
    assert float(rows['one image with one text'][2]) == pytest.approx(sum(counted.values()) / 1e9, abs=0.06)


def test_blip_by_hand():
    """Of the tiny config: BERT with two layers of width 64, and cross-attention to 2 x 3 cells and their mean."""
    from get_flops import blip_flops, total

    tokens, width, cells, channels = 7, 64, 7, 128
    layer = attention(tokens, tokens, width) + 2 * tokens * width * 128
    # Keys and values are made of the backbone's channels.
    cross = 2 * tokens * width**2 + 2 * cells * channels * width + 2 * tokens * cells * width
    counted = total(blip_flops(TINY, (32, 48), num_words=tokens - 2))
    assert counted['per text'] == 2 * (2 * layer + width * 64)
    assert counted['per pair'] == 2 * (2 * (layer + cross) + 2 * width)
    assert counted['per image'] > 2 * 64 * channels
