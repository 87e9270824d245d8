"""Caption scores by pycocoevalcap, without its surprises.

The scorers are the official ones. Three things around them are ours: ids may be anything; nothing is downloaded (SPICE
fetches Stanford CoreNLP when it is first built); and what needs Java is left out where there is none.
"""

from __future__ import annotations

import importlib
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from slan_mm.extras import require_extra

SCORERS = ('BLEU', 'METEOR', 'ROUGE_L', 'CIDEr', 'SPICE')
TOKENIZERS = ('ptb', 'simple')
_SPICE_JARS = ('stanford-corenlp-3.6.0.jar', 'stanford-corenlp-3.6.0-models.jar')
#: Where Java's tokenizer, which is given a caption a line, begins a new line. pycocoevalcap itself sees only to \n.
_LINE_BREAK = re.compile('[\n\r\v\f\x85\u2028\u2029]')
_END = 'endofcaptions'
_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)*")


def simple_tokens(caption: str) -> str:
    """The caption's words in lower case, without punctuation, one space between them."""
    return ' '.join(_WORD.findall(caption.lower()))


def has_java() -> bool:
    """Whether there is a Java to run."""
    return shutil.which('java') is not None


def _part(name: str) -> ModuleType:
    require_extra('captions')
    return importlib.import_module(f'pycocoevalcap.{name}')


def missing_spice_jars() -> list[str]:
    """The jars that SPICE would download."""
    folder = Path(str(_part('spice.spice').__file__)).parent / 'lib'
    return [name for name in _SPICE_JARS if not (folder / name).is_file()]


def usable_scorers(scorers: Sequence[str], tokenizer: str) -> tuple[list[str], str, list[str]]:
    """Which of ``scorers`` can run here, by which tokenizer, and a reason for each thing that cannot.

    Without Java, captions are cut into words by :func:`simple_tokens` instead of the Penn Treebank tokenizer.
    """
    left_out = []
    if has_java():
        usable = [name for name in scorers if name != 'SPICE' or not missing_spice_jars()]
        if len(usable) < len(scorers):
            left_out.append(f'SPICE (no {" and ".join(missing_spice_jars())}; see docs/tasks/captioning.md)')
        return usable, tokenizer, left_out
    usable = [name for name in scorers if name not in ('METEOR', 'SPICE')]
    left_out += [f'{name} (no Java)' for name in scorers if name not in usable]
    if tokenizer == 'ptb':
        left_out.append('the Penn Treebank tokenizer (no Java): what is left is called ..._simple, and is not official')
    return usable, 'simple', left_out


def score_captions(
    predictions: Mapping[Any, str],
    references: Mapping[Any, Sequence[str]],
    scorers: Sequence[str] = SCORERS,
    tokenizer: str = 'ptb',
) -> tuple[dict[str, float], list[str]]:
    """Scores of captions, times 100.

    Args:
        predictions: A caption for each id.
        references: One caption or more for each of the same ids.
        scorers: Of ``SCORERS``.
        tokenizer: 'ptb', the official one, needs Java; 'simple' lower-cases and drops punctuation.

    Returns:
        ``BLEU1``..``BLEU4``, ``METEOR``, ``ROUGE_L``, ``CIDEr``, ``SPICE``, as far as they can be had, with
        ``_simple`` behind their names where that tokenizer was used; and what was left out, with the reason. CIDEr
        is where the references do not tell the images apart, as those of a single one.

    Raises:
        ValueError: Ids differ, an id has no reference, there is nothing to score, or an unknown scorer or tokenizer.
        ModuleNotFoundError: The extra ``captions`` is not installed.
    """
    if set(scorers) - set(SCORERS) or tokenizer not in TOKENIZERS:
        raise ValueError(f'scorers are of {SCORERS} and tokenizer of {TOKENIZERS}, got {scorers} and {tokenizer!r}')
    if not predictions or predictions.keys() != references.keys() or not all(references.values()):
        raise ValueError(
            f'{len(predictions)} captions and references of {len(references)} images: every image needs a caption and '
            'at least one reference'
        )
    usable, tokenizer, left_out = usable_scorers(scorers, tokenizer)
    # Numbers for ids: SPICE sorts them, which a mixture of texts and numbers does not allow.
    ids = list(predictions)
    candidates = {number: [predictions[key]] for number, key in enumerate(ids)}
    gold = {number: list(references[key]) for number, key in enumerate(ids)}
    candidates, gold = tokenize(candidates, tokenizer), tokenize(gold, tokenizer)
    scores: dict[str, float] = {}
    if 'CIDEr' in usable and not _tell_images_apart(gold):
        usable.remove('CIDEr')
        left_out.append(
            'CIDEr (it weighs words by how few images they belong to, and the references of all images, here '
            f'{len(gold)}, hold the same words)'
        )
    for name in usable:
        try:
            scores |= _score(name, candidates, gold)
        except subprocess.CalledProcessError as error:  # of SPICE alone; its jar wants Java 8
            left_out.append(f'{name} (its Java program failed: {error})')
    suffix = '_simple' if tokenizer == 'simple' else ''
    return {f'{name}{suffix}': 100 * score for name, score in scores.items()}, left_out


def tokenize(captions: dict[int, list[str]], tokenizer: str) -> dict[int, list[str]]:
    """Each caption as words between spaces; a line break in a caption counts as a space.

    Raises:
        RuntimeError: The Penn Treebank tokenizer gave back another number of captions than it was given.
    """
    if tokenizer == 'simple':
        return {key: [simple_tokens(caption) for caption in texts] for key, texts in captions.items()}
    as_coco: dict[Any, list[dict[str, str]]] = {
        key: [{'caption': _LINE_BREAK.sub(' ', caption)} for caption in texts] for key, texts in captions.items()
    }
    # Its lines go to captions by their position: a line too many or too few would move all later ones unseen.
    tokens = _part('tokenizer.ptbtokenizer').PTBTokenizer().tokenize({**as_coco, _END: [{'caption': _END}]})
    if tokens.pop(_END, None) != [_END]:
        raise RuntimeError(
            f'The Penn Treebank tokenizer did not give back the {sum(map(len, captions.values()))} captions that it '
            "was given, a line each. See what Java said above; tokenizer='simple' does without it."
        )
    return tokens


def _tell_images_apart(gold: dict[int, list[str]]) -> bool:
    """Whether some n-gram of the references is not every image's. Else each has the weight 0, and CIDEr is 0."""
    precook = _part('cider.cider_scorer').precook
    first, *others = ({ngram for text in texts for ngram in precook(text)} for texts in gold.values())
    return any(ngrams != first for ngrams in others)


def score_each_caption(
    captions: Sequence[str], references: Sequence[Sequence[str]], tokenizer: str = 'simple'
) -> tuple[str, list[float]]:
    """Of each caption its CIDEr, or ROUGE-L where the references do not tell the images apart, times 100.

    Args:
        captions, references: One caption, and one reference or more, of each image.
        tokenizer: See :func:`score_captions`.

    Returns:
        The score's name, with ``_simple`` behind it where that tokenizer was used, and the values.
    """
    candidates = tokenize({number: [text] for number, text in enumerate(captions)}, tokenizer)
    gold = tokenize({number: list(texts) for number, texts in enumerate(references)}, tokenizer)
    name = 'CIDEr' if _tell_images_apart(gold) else 'ROUGE_L'
    _, values = _scorer(name).compute_score(gold, candidates)
    return name + ('_simple' if tokenizer == 'simple' else ''), [100 * float(value) for value in values]


def _score(name: str, candidates: dict[int, list[str]], gold: dict[int, list[str]]) -> dict[str, float]:
    if name == 'BLEU':
        values, _ = _part('bleu.bleu').Bleu(4).compute_score(gold, candidates, verbose=0)
        return {f'BLEU{order}': float(value) for order, value in enumerate(values, start=1)}
    value, _ = _scorer(name).compute_score(gold, candidates)
    return {name: float(value)}


def _scorer(name: str) -> Any:
    module, scorer = {
        'METEOR': ('meteor.meteor', 'Meteor'),
        'ROUGE_L': ('rouge.rouge', 'Rouge'),
        'CIDEr': ('cider.cider', 'Cider'),
        'SPICE': ('spice.spice', 'Spice'),
    }[name]
    return getattr(_part(module), scorer)()
