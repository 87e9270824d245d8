"""Answers of VQA v2 as the official script compares them (visualqa.org/evaluation)."""

from __future__ import annotations

import re

#: Punctuation that is removed; apostrophes, colons and full stops within numbers are not.
_PUNCTUATION = ';/[]"{}()=+\\_-><@`,?!'
# The official script means to keep the stop of "3.5" alone, and by a slip of its expression looks only at what follows.
# By another it removes 32 of them at most, for it gives re.UNICODE, which is 32, where the count belongs. Digits are
# those of Python 2, which it is written for.
_FULL_STOP = re.compile(r'\.(?!\d)', re.ASCII)
_MOST_STOPS = 32
_THOUSANDS = re.compile(r'\d,\d', re.ASCII)
_ARTICLES = frozenset(('a', 'an', 'the'))
_NUMBERS = dict(
    none='0', zero='0', one='1', two='2', three='3', four='4', five='5', six='6', seven='7', eight='8', nine='9',
    ten='10',
)  # fmt: skip

#: What the official script writes, and what for; its slips ("somebody'd") stay, for they are part of the protocol.
_CONTRACTIONS = {
    word: contraction
    for contraction, words in {
        "ain't": 'aint', "aren't": 'arent', "can't": 'cant', "could've": 'couldve', "couldn't": 'couldnt',
        "couldn't've": "couldn'tve couldnt've", "didn't": 'didnt', "doesn't": 'doesnt', "don't": 'dont',
        "hadn't": 'hadnt', "hadn't've": "hadnt've hadn'tve", "hasn't": 'hasnt', "haven't": 'havent', "he'd": 'hed',
        "he'd've": "hed've he'dve", "he's": 'hes', "how'd": 'howd', "how'll": 'howll', "how's": 'hows',
        "isn't": 'isnt', "it'd": 'itd', "it'd've": "itd've it'dve", "it'll": 'itll', "ma'am": 'maam',
        "mightn't": 'mightnt', "mightn't've": "mightnt've mightn'tve", "might've": 'mightve', "mustn't": 'mustnt',
        "must've": 'mustve', "needn't": 'neednt', "not've": 'notve', "o'clock": 'oclock', "oughtn't": 'oughtnt',
        "'ow's'at": "ow's'at 'ows'at 'ow'sat", "shan't": 'shant', "she'd've": "shed've she'dve",
        "should've": 'shouldve', "shouldn't": 'shouldnt', "shouldn't've": "shouldnt've shouldn'tve",
        'somebodyd': "somebody'd", "somebody'd've": "somebodyd've somebody'dve", "somebody'll": 'somebodyll',
        "somebody's": 'somebodys', "someone'd": 'someoned', "someone'd've": "someoned've someone'dve",
        "someone'll": 'someonell', "someone's": 'someones', "something'd": 'somethingd',
        "something'd've": "somethingd've something'dve", "something'll": 'somethingll', "that's": 'thats',
        "there'd": 'thered', "there'd've": "thered've there'dve", "there're": 'therere', "there's": 'theres',
        "they'd": 'theyd', "they'd've": "theyd've they'dve", "they'll": 'theyll', "they're": 'theyre',
        "they've": 'theyve', "'twas": 'twas', "wasn't": 'wasnt', "we'd've": "wed've we'dve", "we've": 'weve',
        "weren't": 'werent', "what'll": 'whatll', "what're": 'whatre', "what's": 'whats', "what've": 'whatve',
        "when's": 'whens', "where'd": 'whered', "where's": 'wheres', "where've": 'whereve', "who'd": 'whod',
        "who'd've": "whod've who'dve", "who'll": 'wholl', "who's": 'whos', "who've": 'whove', "why'll": 'whyll',
        "why're": 'whyre', "why's": 'whys', "won't": 'wont', "would've": 'wouldve', "wouldn't": 'wouldnt',
        "wouldn't've": "wouldnt've wouldn'tve", "y'all": 'yall', "y'all'll": "yall'll y'allll",
        "y'all'd've": "yall'd've y'alld've y'all'dve", "you'd": 'youd', "you'd've": "youd've you'dve",
        "you'll": 'youll', "you're": 'youre', "you've": 'youve',
    }.items()
    for word in words.split()
}  # fmt: skip


def normalise_answer(answer: str) -> str:
    """An answer as the official script compares it: lower case, without punctuation and articles, digits for numbers
    up to ten, apostrophes put back into contractions."""
    text = answer.replace('\n', ' ').replace('\t', ' ').strip()
    cleaned = text
    for mark in _PUNCTUATION:
        # "t - shirt" loses the mark, "t-shirt" gets a space for it; with a number such as 1,000 all marks are lost.
        lost = f'{mark} ' in text or f' {mark}' in text or _THOUSANDS.search(text)
        cleaned = cleaned.replace(mark, '' if lost else ' ')
    words = [_NUMBERS.get(word, word) for word in _FULL_STOP.sub('', cleaned, count=_MOST_STOPS).lower().split()]
    return ' '.join(_CONTRACTIONS.get(word, word) for word in words if word not in _ARTICLES)
