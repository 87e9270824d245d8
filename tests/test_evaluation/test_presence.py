"""Which phrases are asked of which images, and what the fitted probability is."""

import numpy as np
import pytest
import torch
from support.retrieval_fakes import FakeModel, FakeTexts, fake_loader

from slan_mm.evaluation.presence import calibrate_presence, phrase_pairs
from slan_mm.models.presence import Presence


def test_a_thing_is_absent_where_no_caption_names_it():
    captions = [['A red circle and a star', 'the circle'], ['a blue square'], ['a Blue Circle']]
    phrases, present, absent = phrase_pairs(captions)
    named = {(image, phrases[phrase]) for image, phrase in present}
    # Whose case does not matter; of one picture a phrase is asked once.
    assert named <= {(0, 'red circle'), (0, 'star'), (0, 'circle'), (1, 'blue square'), (2, 'blue circle')}
    assert len(present) == len(absent) == len(named)
    assert (present[:, 0] == absent[:, 0]).all(), 'an image is asked as often for what it has as for what it has not'
    for image, phrase in absent:
        assert phrases[phrase].split()[-1] not in ' '.join(captions[image]).lower()
    assert all(np.array_equal(one, two) for one, two in zip((present, absent), phrase_pairs(captions)[1:], strict=True))


@pytest.mark.parametrize(
    ('captions', 'message'),
    [([['very often'], ['so']], 'No caption has a noun'), ([['a dog'], ['one dog']], 'no thing is')],
)
def test_nothing_to_ask_is_an_error(captions, message):
    with pytest.raises(ValueError, match=message):
        phrase_pairs(captions)


NOUNS = ['dog', 'cat', 'horse', 'bird', 'car', 'boat', 'tree', 'house']


class Told(FakeModel):
    """Scores an image 1 for the thing of its number and 0 for others; the first image the other way round."""

    def __init__(self):
        super().__init__()
        self.presence = Presence()

    def encode_text(self, texts):
        words = torch.eye(len(NOUNS))[[NOUNS.index(text.split()[-1]) for text in texts]]
        return FakeTexts(words[:, None], torch.ones(len(texts), 1, dtype=torch.bool))

    def region_word_scores(self, image, text):
        own = torch.eye(len(NOUNS))[image.number]
        return torch.where(image.number[:, None] == 0, 1 - own, own) @ text.words[:, 0].T


def loader(count):
    return fake_loader([(str(number), number, [f'a {noun}']) for number, noun in enumerate(NOUNS[:count])])


def test_half_of_the_images_fit_and_the_others_tell():
    model = Told()
    metrics = calibrate_presence(model, loader(8))
    # Of the half that fits one image in four is wrong both ways, and 90 % of four are all four.
    assert (metrics['presence/num_images'], metrics['presence/num_phrases']) == (8, 4)
    assert (metrics['presence/auroc'], metrics['presence/recall'], metrics['presence/false_positives']) == (1, 100, 100)
    assert model.presence.calibrated
    torch.testing.assert_close(model.presence(torch.tensor([1.0, 0.0])), torch.tensor([0.75, 0.25]), atol=0.01, rtol=0)
    assert metrics['presence/threshold'] == pytest.approx(0.25, abs=0.01)


def test_one_image_is_too_few_to_fit_and_to_tell():
    with pytest.raises(ValueError, match='no thing is absent'):
        calibrate_presence(Told(), loader(1))
