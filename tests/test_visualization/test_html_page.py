"""Pages: whatever a text has in it, it is shown and not run, and nothing is fetched."""

from html.parser import HTMLParser

import numpy as np

from slan_mm.visualization.html import Box, chip, picture_html, table_html, text_html
from slan_mm.visualization.html_page import page_html, write_page
from slan_mm.visualization.jpeg import to_jpeg

EVIL = '<script>alert("1")</script> & "quoted"'


class Tags(HTMLParser):
    def __init__(self, page):
        super().__init__()
        self.tags, self.said = [], ''
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.said += data


def test_texts_are_escaped_wherever_they_stand():
    picture = picture_html(to_jpeg(np.zeros((4, 4, 3), np.uint8)), (4, 4), [Box((0, 0, 2, 2), 0, EVIL)], EVIL)
    table = table_html(EVIL, (EVIL,), [[EVIL], [chip(EVIL, 1)]])
    page = Tags(page_html(EVIL, [picture, text_html(EVIL, [[(0, 8)]]), table]))
    assert 'script' not in [tag for tag, _ in page.tags]
    assert page.said.count('alert("1")') == 8
    (svg,) = [attributes for tag, attributes in page.tags if tag == 'svg']
    assert svg['aria-label'].startswith(EVIL)


def test_a_page_is_one_file_for_phones_and_for_the_dark(tmp_path):
    path = write_page(tmp_path / 'new/page.html', 'A page', ['<p>text</p>'])
    text = path.read_text()
    assert ('meta', dict(name='viewport', content='width=device-width, initial-scale=1')) in Tags(text).tags
    assert 'prefers-color-scheme: dark' in text and 'color-scheme: light dark' in text
    assert not {'link', 'script'} & {tag for tag, _ in Tags(text).tags} and 'url(' not in text


def test_a_box_without_score_says_none():
    jpeg = to_jpeg(np.zeros((4, 4, 3), np.uint8))
    assert '<title>gold</title>' in picture_html(jpeg, (4, 4), [Box((0, 0, 2, 2), 0, 'gold', best=False)], 'x')
