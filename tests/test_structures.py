from dataclasses import replace

import pytest
import torch

from slan_mm.structures import EncodedWords, ImageFeatures, Located, TextFeatures


def image(count=3, seed=0):
    generator = torch.Generator().manual_seed(seed)

    def values(*shape):
        return torch.randn(count, *shape, generator=generator)

    return ImageFeatures(
        boxes=values(5, 4),
        saliency=values(5),
        regions=values(5, 6),
        pyramid=[values(6, 2, 2), values(6, 4, 4)],
        space_maps={'lexical': [values(3, 2, 2), values(3, 4, 4)]},
        region_space={'lexical': values(15, 3)},
        embedding=values(7),
    )


def text(count=2, length=4, seed=0):
    generator = torch.Generator().manual_seed(seed)
    mask = torch.ones(count, length, dtype=torch.bool)
    return TextFeatures(
        words=torch.randn(count, length, 6, generator=generator),
        mask=mask,
        word_mask=mask.clone(),
        word_space={'lexical': torch.randn(count, length, 3, generator=generator)},
        embedding=torch.randn(count, 7, generator=generator),
    )


def test_length_and_indexing_reach_lists_and_dicts():
    record = image()
    assert len(record) == 3
    for index in (torch.tensor([2, 0, 2]), torch.tensor([True, False, True]), slice(1, 3)):
        part = record[index]
        assert isinstance(part, ImageFeatures)
        assert torch.equal(part.boxes, record.boxes[index])
        assert torch.equal(part.pyramid[1], record.pyramid[1][index])
        assert torch.equal(part.region_space['lexical'], record.region_space['lexical'][index])
    assert len(record[torch.tensor([2, 0, 2])]) == 3 and len(record[1:2]) == 1


def test_to_changes_floating_tensors_only():
    half = text().to(dtype=torch.float16)
    assert half.words.dtype == half.word_space['lexical'].dtype == torch.float16
    assert half.mask.dtype == torch.bool
    words = EncodedWords(contextual=torch.zeros(1, 2, dtype=torch.long), lexical=torch.zeros(1, 2))
    assert words.to(dtype=torch.float16).contextual.dtype == torch.long
    assert text().to('cpu').words.dtype == torch.float32


def test_cat_pads_texts_of_different_length():
    short, long = text(2, 3), text(1, 5, seed=1)
    joined = TextFeatures.cat([short, long])
    assert joined.words.shape == (3, 5, 6) and len(joined) == 3
    assert torch.equal(joined.words[:2, :3], short.words) and torch.equal(joined.words[2:], long.words)
    assert joined.mask[:2].sum(1).tolist() == [3, 3] and not joined.mask[:2, 3:].any()
    assert not joined.word_mask[0, 3:].any() and joined.word_space['lexical'][0, 3:].abs().sum() == 0
    assert joined.embedding.shape == (3, 7)


def test_cat_joins_lists_and_dicts():
    first, second = image(2), image(1, seed=1)
    joined = ImageFeatures.cat([first, second])
    assert len(joined) == 3
    for level in range(2):
        assert torch.equal(joined.pyramid[level], torch.cat([first.pyramid[level], second.pyramid[level]]))
    assert torch.equal(joined[2:].region_space['lexical'], second.region_space['lexical'])
    with pytest.raises(ValueError):
        ImageFeatures.cat([first, replace(second, pyramid=second.pyramid[:1])])


def test_for_pairs_leaves_out_what_only_itc_reads():
    record = image()
    light = record.for_pairs()
    assert light.region_space == {} and light.boxes is record.boxes and len(light[1:]) == 2
    assert set(record.region_space) == {'lexical'}


def test_detach():
    record = text()
    record.words.requires_grad_()
    assert not record.detach().words.requires_grad and record.words.requires_grad


def test_located_indexes_every_level():
    located = Located(
        regions=torch.randn(3, 2, 4),
        words=torch.randn(3, 5, 4),
        region_mask=torch.ones(3, 2, dtype=torch.bool),
        token_mask=torch.ones(3, 5, dtype=torch.bool),
        word_mask=torch.ones(3, 5, dtype=torch.bool),
        boxes=[torch.randn(3, 2, 4), torch.randn(3, 2, 4)],
        index=torch.zeros(3, 2, dtype=torch.long),
        weight=torch.ones(3, 2),
        saliency=torch.ones(3, 9),
        vision_cls=torch.randn(3, 4),
        text_cls=torch.randn(3, 4),
    )
    last = located[2:]
    assert len(last) == 1 and torch.equal(last.boxes[1], located.boxes[1][2:])
