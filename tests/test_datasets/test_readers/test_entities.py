import os
from pathlib import Path

import pytest
from support.fuzzing import fuzz

from slan_mm.datasets.readers.entities import parse_sentence, read_annotation, read_entities
from slan_mm.datasets.readers.entry import AnnotationError, Entry
from slan_mm.plain_text import is_whole

SENTENCES = (
    "[/EN#11/people A man] holds [/EN#12/bodyparts/other a  man 's hand] near [/EN#0/notvisual each other] .\n"
    '\n'
    'Nothing is named here .\n'
    '[/EN#11/people He] walks to [/EN#13/scene the park]\n'
)
XML = """<annotation>
  <filename>a.jpg</filename>
  <size><width>120</width><height>80</height><depth>3</depth></size>
  <object><name>11</name><name>12</name>
    <bndbox><xmin>1</xmin><ymin>2</ymin><xmax>11</xmax><ymax>22</ymax></bndbox></object>
  <object><name>11</name><bndbox><xmin>50</xmin><ymin>2</ymin><xmax>60</xmax><ymax>22</ymax></bndbox></object>
  <object><name>13</name><scene>1</scene><nobndbox>1</nobndbox></object>
</annotation>
"""


@pytest.fixture
def root(write, tmp_path):
    write('entities/Sentences/a.txt', SENTENCES)
    write('entities/Annotations/a.xml', XML)
    write('entities/val.txt', 'a\n')
    return tmp_path / 'entities'


def test_sentences_phrases_and_boxes(root):
    first, second, third = read_entities(root, 'root', 'val')
    assert first.text == "A man holds a man 's hand near each other ."
    assert [first.text[start:end] for phrase in first.phrases for start, end in phrase.spans] == [
        'A man',
        "a man 's hand",
        'each other',
    ]
    assert [phrase.category for phrase in first.phrases] == [['people'], ['bodyparts', 'other'], ['notvisual']]
    assert [phrase.phrase_id for phrase in first.phrases] == ['11/0', '12/1', '0/2']
    assert [phrase.boxes for phrase in first.phrases] == [[[1, 2, 11, 22], [50, 2, 60, 22]], [[1, 2, 11, 22]], []]
    assert second.phrases == []
    assert [len(phrase.boxes) for phrase in third.phrases] == [2, 0]  # the scene has no box
    assert [record.sample_id for record in (first, second, third)] == ['a#0', 'a#1', 'a#2']
    assert {(record.img_path, record.image_id, record.size) for record in (first, second, third)} == {
        ('root/a.jpg', 'a', (80, 120))
    }


def test_without_a_split_every_sentence_file_counts(root):
    assert len(list(read_entities(root, 'root'))) == 3


@pytest.mark.parametrize(
    'raw',
    [
        '[/EN#1/people A man',
        '[/EN#1/people A [/EN#2/other man]]',
        '[/EN#x/people A man]',
        '[/EN#1/people ]',
        '[[/EN#1/people A man]',
        '/EN#1/people A man]',
    ],
)
def test_sentences_that_make_no_sense(raw):
    with pytest.raises(AnnotationError, match=r's.txt, line 3: .*\[/EN#'):
        parse_sentence(raw, Entry(None, Path('s.txt'), line=3))


def test_brackets_of_the_text_stay(root):
    text, phrases = parse_sentence('a [ strange ] [/EN#1/other sign] here', Entry(None, Path('s.txt')))
    assert text == 'a [ strange ] sign here'
    assert phrases[0].spans == [[14, 18]]


def test_missing_files_are_named(root, tmp_path):
    with pytest.raises(FileNotFoundError, match='Sentences'):
        list(read_entities(tmp_path, 'root'))
    with pytest.raises(FileNotFoundError, match='test.txt'):
        list(read_entities(root, 'root', 'test'))
    (root / 'Annotations' / 'a.xml').unlink()
    with pytest.raises(FileNotFoundError, match='a.xml'):
        list(read_entities(root, 'root', 'val'))


def test_broken_xml(write):
    with pytest.raises(AnnotationError, match='b.xml, line 2: not valid XML'):
        read_annotation(Path(write('b.xml', '<annotation>\n<size></annotation>')))
    with pytest.raises(AnnotationError, match='size/height'):
        read_annotation(Path(write('c.xml', '<annotation></annotation>')))


def test_fuzzed_list_of_images(root):
    def read():
        records = list(read_entities(root, 'root', 'val'))
        for record in records:
            record.check()
        return records

    def check(records):
        assert len({record.sample_id for record in records}) == len(records)
        for record in records:
            assert is_whole(record.text) and min(record.size) > 0
            assert all(0 <= start < end <= len(record.text) for phrase in record.phrases for start, end in phrase.spans)

    # A changed list names files that are not there.
    fuzz(read, root / 'val.txt', check, skipped=lambda error: str(root) in str(error))


def test_names_are_utf8_and_come_once(root):
    (root / 'val.txt').write_text('a\na\n')
    with pytest.raises(AnnotationError, match=r"val\.txt: the image 'a' comes 2 times"):
        list(read_entities(root, 'root', 'val'))
    Path(os.fsdecode(os.fsencode(root / 'Sentences') + b'/\xe9.txt')).touch()
    with pytest.raises(AnnotationError, match=r"Sentences: the name '\\udce9' is not UTF-8"):
        list(read_entities(root, 'root'))


@pytest.mark.parametrize('value', ['nan', 'inf', '1e999', '-1', '9' * 400, 'tall', ''])
def test_a_size_that_is_none_names_the_annotation(write, value):
    write('e/Sentences/a.txt', 'A [/EN#3/people man] runs\n')
    xml = f'<annotation><size><width>120</width><height>{value}</height></size></annotation>'
    write('e/Annotations/a.xml', xml)
    root = Path(write('e/test.txt', 'a\n')).parent
    with pytest.raises(AnnotationError, match=r'a\.xml'):
        [record.check() for record in read_entities(root, 'root', 'test')]
