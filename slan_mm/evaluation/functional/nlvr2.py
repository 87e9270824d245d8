"""Accuracy and consistency of NLVR2, as its official script (``nlvr2/eval/metrics.py``) defines them."""

from __future__ import annotations

from collections.abc import Mapping


def sentence_key(identifier: str) -> str:
    """What examples of one sentence share: the identifier '<split>-<set>-<pair>-<sentence>' without its pair.

    Raises:
        ValueError: The identifier has another form.
    """
    parts = identifier.split('-')
    if len(parts) != 4:
        raise ValueError(f'identifier {identifier!r} is not <split>-<set>-<pair>-<sentence>')
    split, image_set, _, sentence = parts
    return f'{split}-{image_set}-{sentence}'


def nlvr2_scores(correct: Mapping[str, bool]) -> dict[str, float]:
    """Scores in percent.

    Args:
        correct: For each example's identifier, whether it was answered rightly.

    Returns:
        ``accuracy``: share of examples answered rightly. ``consistency``: share of sentences all of whose examples
        (up to four pairs of photographs) were. ``num_examples`` and ``num_sentences`` count both.

    Raises:
        ValueError: There is no example, or an identifier is malformed.
    """
    if not correct:
        raise ValueError('There is no example to score: the evaluation set is empty.')
    sentences: dict[str, bool] = {}
    for identifier, right in correct.items():
        key = sentence_key(identifier)
        sentences[key] = sentences.get(key, True) and bool(right)
    return {
        'accuracy': 100.0 * sum(map(bool, correct.values())) / len(correct),
        'consistency': 100.0 * sum(sentences.values()) / len(sentences),
        'num_examples': float(len(correct)),
        'num_sentences': float(len(sentences)),
    }
