"""MultiScaleSLAN: what a second size adds, and what stays."""

import pytest
import torch
from support.toy import SIZE, TEXTS, build_toy_slan, toy_batch, toy_config, toy_picture
from torch.nn.functional import interpolate, normalize

from slan_mm.models import MultiScaleSLAN
from slan_mm.models.resizing import scaled
from slan_mm.models.tasks.multi_scale import MULTIPLE


@pytest.fixture(scope='module')
def slan():
    return build_toy_slan().eval()


@pytest.fixture(scope='module')
def pictures():
    return torch.stack([toy_picture(index) for index in range(3)]).float() / 64 - 2


def in_size(slan, own, pictures, scale):
    """Features of the regions that are found in the own size, from another."""
    levels = slan.image_branch.encoder.extract(scaled(pictures, scale, MULTIPLE))
    return slan.image_branch.features(levels, True, (own.boxes, own.saliency))


def multi_scale(slan, *scales, **options):
    model = build_toy_slan(0, toy_config(type='MultiScaleSLAN', scales=scales, **options)).eval()
    model.load_state_dict(slan.state_dict())  # the same parameters, under the same names
    return model


@torch.no_grad()
def test_a_word_takes_the_best_region_of_any_size_and_itc_the_mean(slan, pictures):
    model, text = multi_scale(slan, 2.0), slan.encode_text(list(TEXTS[:4]))
    own = slan.encode_image(pictures)
    larger = in_size(slan, own, pictures, 2.0)
    image = model.encode_image(pictures)
    torch.testing.assert_close(image.embedding, normalize(own.embedding + larger.embedding, dim=-1))
    for term, regions in image.region_space.items():
        both = [view.region_space[term] @ text.word_space[term][1].t() for view in (own, larger)]
        best = (regions @ text.word_space[term][1].t()).amax(1)
        torch.testing.assert_close(best, torch.maximum(both[0].amax(1), both[1].amax(1)))
        assert not torch.equal(best, both[0].amax(1))


@torch.no_grad()
def test_maps_are_means_over_sizes_and_all_else_is_of_the_own_size(slan, pictures):
    own, image = slan.encode_image(pictures), multi_scale(slan, 2.0).encode_image(pictures)
    larger = in_size(slan, own, pictures, 2.0)
    for term, levels in image.space_maps.items():
        for level, one, other in zip(levels, own.space_maps[term], larger.space_maps[term], strict=True):
            smaller = interpolate(other, one.shape[-2:], mode='bilinear', antialias=True)
            torch.testing.assert_close(level, (one + smaller) / 2)
    for name in ('boxes', 'saliency', 'regions'):
        assert torch.equal(getattr(image, name), getattr(own, name))
    for level, expected in zip(image.pyramid, own.pyramid, strict=True):
        assert torch.equal(level, expected)


@torch.no_grad()
def test_the_own_size_twice_locates_as_once(slan, pictures):
    model, text = multi_scale(slan, 1.0), slan.encode_text(list(TEXTS[:3]))
    torch.testing.assert_close(
        model.itm_scores(model.encode_image(pictures), text), slan.itm_scores(slan.encode_image(pictures), text)
    )


@torch.no_grad()
def test_mirrored_too_an_image_and_its_mirror_image_are_the_same_to_a_text(slan, pictures):
    model, text = multi_scale(slan, 2.0, mirrored=True), slan.encode_text(list(TEXTS[:4]))
    image, plain = model.encode_image(pictures), multi_scale(slan, 2.0).encode_image(pictures)
    assert image.region_space['lexical'].shape[1] == 2 * plain.region_space['lexical'].shape[1]
    # The regions of the image, in its mirror image: a word's best region of four views, whichever is the first.
    found = (image.boxes * torch.tensor([-1, 1, 1, 1]) + torch.tensor([1, 0, 0, 0]), image.saliency)
    branch = slan.image_branch
    sizes = [pictures, scaled(pictures, 2.0, MULTIPLE)]
    turned = [branch.features(branch.encoder.extract(size.flip(-1)), True, found) for size in sizes]
    for term, word in ((term, words[1]) for term, words in text.word_space.items()):
        views = [plain.region_space[term], *(view.region_space[term] for view in turned)]
        best = torch.stack([(regions @ word.t()).amax(1) for regions in views]).amax(0)
        torch.testing.assert_close((image.region_space[term] @ word.t()).amax(1), best)
    for level, one, *mirrored in zip(
        image.space_maps['lexical'],
        plain.space_maps['lexical'],
        *(view.space_maps['lexical'] for view in turned),
        strict=True,
    ):
        back = [interpolate(other.flip(-1), one.shape[-2:], mode='bilinear', antialias=True) for other in mirrored]
        torch.testing.assert_close(level, (2 * one + sum(back)) / 4)


@torch.no_grad()
def test_a_batch_is_scored_as_its_images_alone(slan, pictures):
    model, text = multi_scale(slan, 1.5, 2.0), slan.encode_text(list(TEXTS[:3]))
    together = model.shortlist_scores(model.encode_image(pictures), text)
    for row in range(len(pictures)):
        alone = model.shortlist_scores(model.encode_image(pictures[row : row + 1]), text)
        torch.testing.assert_close(alone[0], together[row], atol=2e-5, rtol=1e-4)


def test_it_trains_as_slan_does(slan):
    model, batch = multi_scale(slan, 1.5).train(), toy_batch()
    for own in (model, slan):
        torch.manual_seed(0)
        own.train()
    losses = [own(**own.data_preprocessor(batch, True), mode='loss') for own in (model, slan)]
    slan.eval()
    assert losses[0].keys() == losses[1].keys()
    for name, value in losses[0].items():
        torch.testing.assert_close(value, losses[1][name])


def test_sides_are_multiples_of_32_pixels():
    assert scaled(torch.zeros(1, 3, 320, 224), 1.3, MULTIPLE).shape == (1, 3, 416, 288)
    assert scaled(torch.zeros(1, 3, SIZE, SIZE), 0.1, MULTIPLE).shape == (1, 3, 32, 32)


@torch.no_grad()
def test_stored_features_and_wrong_scales_are_refused(slan, pictures):
    with pytest.raises(ValueError, match='stored features have one size'):
        multi_scale(slan, 1.5).encode_image(slan.image_branch.encoder.extract(pictures))
    for scales in ((), (0.0,), (1.3, -1.0)):
        with pytest.raises(ValueError, match='scales must be positive'):
            MultiScaleSLAN(scales=scales, **{key: value for key, value in toy_config().items() if key != 'type'})
