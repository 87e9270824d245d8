from itertools import pairwise

import pytest
import torch
from mmdet.datasets import LVISV1Dataset

from slan_mm.datasets.shapes import build_shapes_tokenizer
from slan_mm.models.heads.class_prompt import ClassPrompt, check_class_names, class_token_map, read_class_names

TOKENIZER = build_shapes_tokenizer(model_max_length=10_000)


def count_tokens(text):
    return len(TOKENIZER(text)['input_ids'])


def token_map(part):
    tokens = TOKENIZER(part.text, return_offsets_mapping=True, return_special_tokens_mask=True, return_tensors='pt')
    word_mask = ~tokens['special_tokens_mask'][0].bool()
    words = TOKENIZER.convert_ids_to_tokens(tokens['input_ids'][0])
    return class_token_map(part, tokens['offset_mapping'][0], word_mask), words


def test_prompt_is_the_papers():
    names = ('person', 'bicycle', 'traffic light')
    (part,) = ClassPrompt().split(names, count_tokens, 100)
    assert part.text == 'detect: person, bicycle, traffic light'
    assert part.classes == (0, 1, 2)
    assert [part.text[start:end] for start, end in part.spans] == list(names)


def test_tokens_belong_to_the_class_whose_characters_they_are():
    # 'red' names two classes and 'circle' is a part of no other word.
    (part,) = ClassPrompt().split(('red circle', 'circle', 'red star'), count_tokens, 100)
    rows, words = token_map(part)
    assert [[word for word, here in zip(words, row, strict=True) if here] for row in rows] == [
        ['red', 'circle'],
        ['circle'],
        ['red', 'star'],
    ]
    assert rows.sum(0).max() == 1


def test_long_lists_are_split_in_order_and_nothing_is_lost():
    names = [f'{color} {shape}' for color in ('red', 'blue', 'pink') for shape in ('circle', 'star', 'cross')]
    parts = ClassPrompt().split(names, count_tokens, 18)
    assert len(parts) > 2
    assert [index for part in parts for index in part.classes] == list(range(len(names)))
    assert all(count_tokens(part.text) <= 18 for part in parts)
    # As full as can be: the next name would not have fitted.
    for part, following in pairwise(parts):
        assert count_tokens(f'{part.text}, {names[following.classes[0]]}') > 18
    for part in parts:
        assert [part.text[start:end] for start, end in part.spans] == [names[index] for index in part.classes]
        assert token_map(part)[0].any(1).all()


def test_max_classes_asks_for_each_class_alone():
    parts = ClassPrompt(max_classes=1).split(('circle', 'star'), count_tokens, 100)
    assert [part.text for part in parts] == ['detect: circle', 'detect: star']
    with pytest.raises(ValueError, match='max_classes must be at least 1'):
        ClassPrompt(max_classes=0)


@pytest.mark.parametrize(
    'names', [LVISV1Dataset.METAINFO['classes'], tuple(f'thing {number}' for number in range(1203))]
)
def test_lvis_many_classes(names):
    parts = ClassPrompt().split(names, count_tokens, 512)
    assert [index for part in parts for index in part.classes] == list(range(1203))
    assert all(count_tokens(part.text) <= 512 for part in parts)


@pytest.mark.parametrize(
    ('text', 'names'),
    [
        ('cat . remote control .', ('cat', 'remote control')),
        ('cat, remote control', ('cat', 'remote control')),
        ('a cat. a remote control.', ('a cat', 'a remote control')),
        ('cat. dog. person', ('cat', 'dog', 'person')),
        ('cat, dog.', ('cat', 'dog')),
        ('cat, dog . ', ('cat', 'dog')),
        ('cat; dog\nbird,', ('cat', 'dog', 'bird')),
        ('3.5 mm jack, node', ('3.5 mm jack', 'node')),
        (['dr. pepper', 'cat, wild'], ('dr. pepper', 'cat, wild')),
        ('dog', ('dog',)),
        (['baseball_bat', ' air  conditioner '], ('baseball bat', 'air conditioner')),
    ],
)
def test_names_as_users_give_them(text, names):
    assert read_class_names(text) == names


@pytest.mark.parametrize(
    'text', ['dr. pepper, cat', 'cat. dog, bird.', 'cat . dog, bird .', 'cat.dog', 'cat.dog, bird']
)
def test_a_full_stop_that_may_or_may_not_separate_is_refused(text):
    with pytest.raises(ValueError, match='does it separate two classes'):
        read_class_names(text)


@pytest.mark.parametrize(
    ('names', 'message'),
    [
        (['cat', 'dog', 'Cat'], r"duplicates.*'cat': \[0, 2\]"),
        (['hot_dog', 'hot dog'], 'duplicates'),
        (['cat', ' '], 'class 1 of 2 has an empty name'),
        ([], 'class list is empty'),
        (['cat', ['dog']], r"class 1 of 2 should be a text, got list \(\['dog'\]\)"),
        (['cat', None], 'class 1 of 2 should be a text'),
    ],
)
def test_bad_lists_are_refused(names, message):
    with pytest.raises(ValueError, match=message):
        check_class_names(names)
    with pytest.raises(ValueError, match=message):
        ClassPrompt().split(names, count_tokens, 100)


def test_empty_entry_in_a_text_is_refused():
    with pytest.raises(ValueError, match='empty name'):
        read_class_names('cat,, dog')
    with pytest.raises(ValueError, match='empty'):
        read_class_names('')


def test_too_long_a_name_is_refused():
    with pytest.raises(ValueError, match='class 1, "red circle blue star", has 13 tokens.*takes 12'):
        ClassPrompt().split(('star', 'red circle blue star', 'cross'), count_tokens, 12)


def test_a_class_without_tokens_is_refused():
    part = ClassPrompt().compose(('circle', 'star'), (0, 1))
    with pytest.raises(ValueError, match='makes no token of the class "star"'):
        class_token_map(part, torch.tensor([[0, 0], list(part.spans[0])]), torch.tensor([False, True]))
