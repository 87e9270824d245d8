"""VideoRetrieval: frames as one sequence, invariances, and that it learns."""

import pytest
import torch
from support.retrieval import run_retrieval
from support.tasks import build_toy_video_retrieval, toy_video, video_batch
from support.toy import TEXTS, build_toy_slan, toy_config, toy_picture

from slan_mm.models.video import join_frames, num_frames, split_frames
from slan_mm.pair_index import PairIndex

CLOSE = dict(atol=2e-5, rtol=1e-4)


@pytest.fixture(scope='module')
def model():
    return build_toy_video_retrieval().eval()


def normalised(videos):
    return torch.stack(list(videos)).float() / 64 - 2


@torch.no_grad()
def all_scores(model, image, text):
    pairs = PairIndex.all_pairs(len(image), len(text))
    row_wise = model.itm_scores(image[pairs.image], text[pairs.text])
    torch.testing.assert_close(model.itm_scores(image, text, pairs), row_wise, **CLOSE)
    return model.shortlist_scores(image, text), row_wise


@torch.no_grad()
def test_equal_frames_score_as_their_picture(model):
    pictures = normalised(toy_picture(index) for index in range(3))
    text = model.encode_text(list(TEXTS[:4]))
    films = model.encode_image(pictures[:, None].repeat(1, 4, 1, 1, 1))
    expected = all_scores(model, model.encode_image(pictures), text)
    for film, picture in zip(all_scores(model, films, text), expected, strict=True):
        torch.testing.assert_close(film, picture, **CLOSE)


@torch.no_grad()
def test_pictures_are_what_slan_makes_of_them(model):
    slan = build_toy_slan().eval()
    slan.load_state_dict(model.state_dict())  # the same parameters, under the same names
    pictures, text = normalised(toy_picture(index) for index in range(2)), model.encode_text(list(TEXTS[:2]))
    expected = all_scores(slan, slan.encode_image(pictures), text)
    for one, other in zip(all_scores(model, model.encode_image(pictures), text), expected, strict=True):
        assert torch.equal(one, other)


@torch.no_grad()
def test_the_order_of_frames_does_not_matter_but_each_frame_does(model):
    videos, text = normalised(toy_video(index) for index in range(2)), model.encode_text(list(TEXTS[:3]))
    itc, itm = all_scores(model, model.encode_image(videos), text)
    turned = all_scores(model, model.encode_image(videos[:, [2, 0, 1]]), text)
    torch.testing.assert_close(turned[0], itc, **CLOSE)
    torch.testing.assert_close(turned[1], itm, **CLOSE)
    for frame in range(3):
        changed = videos.clone()
        changed[:, frame] = normalised([toy_picture(77), toy_picture(78)])
        new = all_scores(model, model.encode_image(changed), text)
        assert (new[0] - itc).abs().max() > 1e-3 and (new[1] - itm).abs().max() > 1e-5


@torch.no_grad()
def test_a_video_is_the_same_in_every_batch_and_under_every_padding(model):
    videos = normalised(toy_video(index) for index in range(3))
    together, texts = model.encode_image(videos), model.encode_text(list(TEXTS[:3]))
    order = torch.tensor([2, 0, 1])
    itc = model.shortlist_scores(together, texts)
    itm = model.itm_scores(together, texts)
    torch.testing.assert_close(model.itm_scores(together[order], texts[order]), itm[order], **CLOSE)
    for row in range(3):
        video, text = model.encode_image(videos[row : row + 1]), model.encode_text([TEXTS[row]])
        torch.testing.assert_close(model.shortlist_scores(video, text)[0, 0], itc[row, row], **CLOSE)
        torch.testing.assert_close(model.itm_scores(video, text)[0], itm[row], **CLOSE)


@torch.no_grad()
def test_located_regions_of_all_frames_stand_in_a_row(model):
    videos, texts = normalised(toy_video(index) for index in range(2)), model.encode_text(list(TEXTS[:2]))
    video = model.encode_image(videos)
    located = model.locate(video, texts)
    queries = video.saliency.shape[1] // 3
    assert num_frames(video) == 3 and located.saliency.shape == video.saliency.shape
    for frame in range(3):
        alone = model.locate(model.encode_image(videos[:, frame]), texts)
        count = alone.regions.shape[1]
        own = slice(frame * count, (frame + 1) * count)
        torch.testing.assert_close(located.boxes[-1][:, own], alone.boxes[-1], **CLOSE)
        torch.testing.assert_close(located.regions[:, own], alone.regions, **CLOSE)
        assert torch.equal(located.index[:, own], alone.index + frame * queries)
        assert torch.equal(located.region_mask[:, own], alone.region_mask)
    expected = torch.stack([located.regions[row, located.region_mask[row]].mean(0) for row in range(2)])
    torch.testing.assert_close(located.vision_cls, expected, **CLOSE)


@torch.no_grad()
def test_joining_and_splitting_are_each_others_opposite(model):
    frames = model.encode_image(normalised(toy_picture(index) for index in range(6))).for_pairs()
    back = split_frames(join_frames(frames, 3), 3)
    for name in ('boxes', 'saliency', 'regions'):
        assert torch.equal(getattr(back, name), getattr(frames, name))
    assert all(map(torch.equal, back.pyramid, frames.pyramid))
    assert all(map(torch.equal, back.space_maps['lexical'], frames.space_maps['lexical']))


def test_what_it_cannot_do_with_videos():
    batch = video_batch([0, 1])
    with pytest.raises(ValueError, match='grounded in pictures only'):
        build_toy_video_retrieval().eval().val_step(batch)
    config = toy_config(type='VideoRetrieval')
    config['objective']['momentum'] = 0.9
    model = build_toy_slan(config=config)
    with pytest.raises(ValueError, match='objective.momentum=0'):
        model(**model.data_preprocessor(batch, True), mode='loss')


def test_overfits_a_fixed_batch_and_finds_its_videos():
    model, batch = build_toy_video_retrieval().train(), video_batch(range(6))
    data = model.data_preprocessor(batch, True)
    optimizer = torch.optim.AdamW(model.parameters(), lr=5e-3)
    history = []
    for _ in range(15):
        loss, log = model.parse_losses(model(**data, mode='loss'))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        history.append(float(log['loss']))
    assert history[-1] < 0.7 * history[0]
    metrics = run_retrieval(model, batch, items='videos')
    assert metrics['retrieval_shortlist/t2i_R1'] == metrics['retrieval_shortlist/i2t_R1'] == 100.0
    assert metrics['retrieval/t2i_medR'] == 1.0


def test_retrieval_does_not_depend_on_the_order_of_the_gallery(model):
    metrics = run_retrieval(model, video_batch(range(6)))
    assert run_retrieval(model, video_batch([3, 5, 0, 1, 4, 2])) == pytest.approx(metrics)
