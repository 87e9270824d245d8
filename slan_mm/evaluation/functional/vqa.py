"""The official accuracy of VQA v2 (Antol et al. 2015, Goyal et al. 2017; the rules of visualqa.org/evaluation).

An answer is right by min(1, agreeing annotators / 3), averaged over leaving each of the annotators out: with ten of
them, 1, 2, 3 and 4 that agree give .3, .6, .9 and 1. Answers are normalised before they are compared, unless all
annotators gave the very same one.
"""

from __future__ import annotations

from collections.abc import Sequence

from slan_mm.datasets.answer_normalisation import normalise_answer


def vqa_accuracy(answer: str, annotated: Sequence[str]) -> float:
    """The official accuracy, in [0, 1], of an answer against the annotators' answers.

    Raises:
        ValueError: No annotator has answered.
    """
    if not annotated:
        raise ValueError('A question without annotated answers cannot be scored.')
    gold = [text.replace('\n', ' ').replace('\t', ' ').strip() for text in annotated]
    answer = answer.replace('\n', ' ').replace('\t', ' ').strip()
    if len(set(gold)) > 1:
        gold, answer = [normalise_answer(text) for text in gold], normalise_answer(answer)
    agree = [text == answer for text in gold]
    # Leaving out an annotator who agrees leaves one fewer who does.
    return sum(min(1.0, (sum(agree) - own) / 3) for own in agree) / len(agree)
