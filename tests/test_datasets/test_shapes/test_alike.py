"""Pictures with several objects of a kind, and plurals for them."""

from collections import Counter

from slan_mm.datasets.shapes import ShapesAlike, ShapesPairs, build_shapes_tokenizer
from slan_mm.datasets.shapes.scene import Scene, SceneObject
from slan_mm.models.phrase_number import things_named


def test_a_phrase_has_the_boxes_of_all_objects_of_its_kind():
    dataset = ShapesAlike('test', 'grounding', num_images=40)
    plurals = 0
    for index in range(len(dataset)):
        sample, scene = dataset[index]['data_samples'], dataset.scene(index)
        assert 3 <= len(scene.objects) <= 6 and scene.split == 'test'
        kinds = Counter(f'{item.color} {item.shape}' for item in scene.objects)
        assert max(kinds.values()) <= 3
        for phrase in sample.phrases:
            ((start, end),) = phrase['spans']
            *_, color, noun = sample.text[start:end].split()
            shape = next(item.shape for item in scene.objects if noun.startswith(item.shape))
            boxes = sorted(list(item.box) for item in scene.objects if (item.color, item.shape) == (color, shape))
            assert sorted(phrase['boxes'].tolist()) == boxes
            several = len(boxes) > 1
            assert (noun == shape) != several and (phrase['category'] == ['several']) == several
            plurals += several
            # As the helper that tells how many boxes answer a phrase reads it; it takes "cyan crosses" for one thing.
            number = things_named(sample.text, phrase['spans'], several=9)
            assert number in ((len(boxes), 9) if several and (color, shape) != ('cyan', 'cross') else (1,))
    assert 20 < plurals < 60


def test_captions_by_hand():
    def item(shape, color, place):
        return SceneObject(shape, color, 'small', place, 0, 10)

    scene = Scene(64, (item('cross', 'red', 0), item('star', 'blue', 20), item('cross', 'red', 40)))

    class Lot:
        """Draws the given numbers."""

        def __init__(self, *numbers):
            self.numbers = list(numbers)

        def integers(self, *bounds):
            return self.numbers.pop(0)

    dataset = ShapesAlike('test', num_images=1)
    # Two kinds, the first of two with its number, then the last.
    caption = dataset.draw_caption(Lot(2, 0, 1, 0), scene)
    assert caption.text == 'two red crosses and blue star'
    assert [phrase.indices for phrase in caption.phrases] == [[0, 2], [1]]
    assert [caption.text[phrase.start : phrase.end] for phrase in caption.phrases] == ['two red crosses', 'blue star']
    assert dataset.draw_caption(Lot(1, 0, 0), scene).text == 'red crosses'


def test_a_plural_starts_with_the_token_of_its_singular():
    tokenize = build_shapes_tokenizer().tokenize
    assert tokenize('red circles') == ['red', 'circle', '##s']


def test_pictures_are_others_than_those_of_pairs():
    assert ShapesAlike('test', num_images=1).scene(0).signature != ShapesPairs('test', num_images=1).scene(0).signature
