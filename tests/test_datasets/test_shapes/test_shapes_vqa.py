"""Questions about the shapes are true, and the same whenever they are asked for."""

from collections import Counter

from slan_mm.datasets.seeding import item_rng
from slan_mm.datasets.shapes import ShapesVQA, shapes_answers
from slan_mm.datasets.shapes.vqa import draw_question


def answer(question, scene):
    """The answer, found in another way than the question was made."""
    words = question.split()
    if words[0] == 'how':
        return str(len(scene.objects))
    if words[0] == 'is':
        return 'yes' if (words[-2], words[-1]) in {(o.color, o.shape) for o in scene.objects} else 'no'
    asked, of = ('color', 'shape') if words[1] == 'color' else ('shape', 'color')
    (found,) = [getattr(o, asked) for o in scene.objects if getattr(o, of) == words[-1]]
    return found


def test_answers_are_true():
    dataset = ShapesVQA(split='train', num_images=60)
    answers, types = Counter(), Counter()
    for index in range(60):
        scene = dataset.scene(index)
        question, given, kind = draw_question(item_rng(0, 0, index), scene)
        assert given == answer(question, scene)
        answers[given] += 1
        types[kind] += 1
    assert set(answers) <= set(shapes_answers())
    assert set(types) == {'number', 'yes/no', 'other'} and answers['yes'] and answers['no']


def test_items():
    dataset = ShapesVQA(split='val', num_images=4, test_mode=True)
    samples = [dataset[index]['data_samples'] for index in range(4)]
    assert [sample.text for sample in samples] == [dataset[index]['data_samples'].text for index in range(4)]
    assert [sample.question_id for sample in samples] == [0, 1, 2, 3]
    assert all(len(sample.answers) == 10 and len(set(sample.answers)) == 1 for sample in samples)
    # Another question each epoch of training.
    training = ShapesVQA(split='train', num_images=8)
    assert [training[n]['data_samples'].text for n in range(8)] != [
        training[8 + n]['data_samples'].text for n in range(8)
    ]
