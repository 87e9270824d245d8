from slan_mm.models.text import unknown_words


def test_signs_are_counted_and_not_named(monkeypatch):
    said = []
    monkeypatch.setattr(unknown_words, 'print_log', lambda text, *_: said.append(text))
    words = unknown_words.UnknownWords()
    words.see([':', ',', '--'], 9, name_them=True)
    assert not said and words.counts[','] == 1
    words.see([',', 'zyx', '😀'], 9, name_them=True)
    assert len(said) == 1 and "does not know 'zyx', '😀':" in said[0]
