"""Words of a text with their parts of speech, by the library textblob without anything that it would download."""

from collections.abc import Iterator


def tagged_sentences(text: str) -> Iterator[list[tuple[int, int, str, str]]]:
    """Start and end in ``text``, tag and chunk of each word of each sentence; start -1: the word was not found."""
    from textblob.en import parse  # takes a second, which those who mark phrases need not wait

    position = 0
    for sentence in parse(text, tokenize=True, tags=True, chunks=True).split():
        words = []
        for word, tag, chunk, *_ in sentence:
            start = text.find(word, position)
            position = max(position, start + len(word))
            words.append((start, start + len(word), tag, chunk))
        yield words
