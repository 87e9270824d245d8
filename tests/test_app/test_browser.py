"""Each tab in a real browser, used as a person would: ``pytest -m browser``. Skipped without gradio or Chromium.

With the environment variable ``SLAN_APP_PICTURES`` the screens are written into that folder, for docs/images/app.
"""

import os
import re
import runpy
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.error import HTTPError

import pytest
import torch
from PIL import Image
from support.browser import Person, what_is_missing

from slan_mm.apis import init_model
from slan_mm.app.samples import sample_pictures
from slan_mm.app.server import set_environment, start
from slan_mm.app.tabs.tasks import tasks_tab
from slan_mm.app.tasks import TASKS
from slan_mm.shipped import ROOT, TINY_MODEL

missing = what_is_missing()
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(bool(missing), reason=f'the app in a browser: {missing}'),
]


def screen(person, name):
    """Writes down what the person sees, where pictures are asked for."""
    if folder := os.environ.get('SLAN_APP_PICTURES'):
        Path(folder).mkdir(parents=True, exist_ok=True)
        person.photograph(Path(folder) / f'{name}.jpg')


@pytest.fixture(scope='module')
def address(tmp_path_factory):
    """The app with the published model, and the same model untrained to compare it with."""
    folder = tmp_path_factory.mktemp('app')
    config, weights = (str(ROOT / name) for name in TINY_MODEL)
    untrained = init_model(config, weights, 'cpu')
    torch.manual_seed(0)
    for parameter in untrained.parameters():
        parameter.data += 0.5 * parameter.data.std(correction=0) * torch.randn_like(parameter)
    torch.save({'state_dict': untrained.state_dict()}, folder / 'shaken.pth')
    tool = runpy.run_path(str(ROOT / 'tools' / 'app.py'))
    options = tool['parse_options'](['--compare', config, str(folder / 'shaken.pth'), '--device', 'cpu'])
    page, address = tool['open_app'](options, folder)
    yield address
    page.close()


@pytest.fixture(scope='module')
def person(address):
    one = Person(address)
    yield one
    one.close()


def boxes(person, where='#ground-answer'):
    return [
        [round(float(one.get_attribute(name))) for name in ('x', 'y', 'width', 'height')]
        for one in person.all(f'{where} rect.best')
    ]


def marks(person):
    return [one.text for one in person.all('#ground-answer mark')]


def test_ground_an_example_through_all_levels(person):
    person.tab('Ground')
    person.click('.slan-examples button')
    person.until(lambda: person.see('#ground-text textarea').get_attribute('value'))
    person.click('#ground-find')
    last = person.until(lambda: boxes(person))
    assert len(last) == 2 and 'Boxes after level 3 of 3' in person.text('#ground-scores')
    screen(person, 'ground')
    slider = person.see('#ground-level input[type=number]')
    slider.send_keys('\ue009a\ue000', '0\t')
    person.until(lambda: 'before any adaptor' in person.text('#ground-scores'))
    assert boxes(person) != last
    person.click('#ground-boxes label:nth-of-type(2)')
    person.until(lambda: person.all('#ground-answer rect.other'))
    person.click('#ground-word label:nth-of-type(3)')
    person.until(lambda: 'on a scale of its own' in person.text('#ground-answer'))
    person.driver.execute_script("document.querySelector('#ground-answer').scrollIntoView()")
    screen(person, 'levels')
    person.driver.execute_script('scrollTo(0, 0)')


def test_ground_a_picture_of_ones_own_with_the_keyboard_alone(person, picture):
    """The file chooser is the system's; everything else is reached by Tab, Enter and the arrows."""
    person.tab('Ground')
    person.upload('#ground-picture', picture)
    person.write('#ground-text', 'a [red circle] and a [blue square]')
    person.press('\ue004', '\ue007')  # Tab to the button, Enter
    person.until(lambda: marks(person) == ['red circle', 'blue square'] and len(boxes(person)) == 2)
    label = person.see('#ground-answer svg').get_attribute('aria-label')
    assert 'red circle at the' in label and 'blue square at the' in label
    person.driver.execute_script("document.querySelector('#ground-level input[type=range]').focus()")
    person.press('\ue012')  # arrow left
    person.until(lambda: 'after level 2 of 3' in person.text('#ground-scores'))


def test_search_the_pictures_and_add_a_folder(person, picture):
    person.tab('Search')
    person.write('#search-text', 'a [yellow star]\ue007')
    person.until(lambda: len(person.all('#search-found li')) == 6)
    assert person.all('#search-found rect.best') and 'match' in person.text('#search-found li')
    screen(person, 'search')
    person.click('#search-add button')
    person.write('#search-folder', str(Path(picture).parent))
    person.click('#search-add-go')
    person.until(lambda: '1 pictures added' in person.text('#search-said'))
    assert '25 pictures are in the index' in person.text('#search-said')
    assert str(Path(picture).parent) not in person.text('#search-found')


def test_compare_two_models(person, picture):
    person.tab('Compare')
    person.upload('#compare-picture', picture)
    person.write('#compare-text', 'a [red circle]')
    person.click('#compare-go')
    person.until(lambda: person.all('#compare-answer-2 svg'))
    person.until(lambda: len(person.all('.slan-examples img')) == 4)  # pictures to begin with, in this tab too
    assert 'safetensors' in person.text('#compare-answer-1 h3') and 'shaken.pth' in person.text('#compare-answer-2 h3')
    screen(person, 'compare')


def test_tasks_say_what_the_model_lacks_and_about_what_a_score_means(person):
    person.tab('Tasks')
    person.until(lambda: person.all('code') and 'slan app CONFIG CHECKPOINT' in person.driver.page_source)
    person.tab('About')
    person.until(lambda: any('What a score means' in one.text for one in person.all('h3')))
    assert any('not a probability' in one.text for one in person.all('strong'))
    screen(person, 'about')


@pytest.mark.parametrize('tab', ['Ground', 'Search', 'Compare', 'About'])
@pytest.mark.parametrize('dark', [False, True], ids=['light', 'dark'])
def test_a_phone_shows_every_tab_without_scrolling_sideways(person, tab, dark):
    person.resize(390, 844, dark)
    try:
        person.until(lambda: person.all('.overflow-menu > button'))
        if tab in ('Compare', 'About'):  # have no room in the row
            person.click('.overflow-menu > button')
            menu = '.overflow-dropdown button'
            person.until(lambda: [next(one for one in person.all(menu) if one.text == tab).click()])
        else:
            person.tab(tab)
        person.see('#about-text' if tab == 'About' else f'#{tab.lower()}-text')
        assert person.overflow() <= 0
        screen(person, f'{tab.lower()}-phone{"-dark" if dark else ""}')
    finally:
        person.resize(1280, 1000)


def bomb(folder):
    """A few KB that unfold to 225 million pixels."""
    Image.new('1', (15_000, 15_000)).save(folder / 'bomb.png')
    return folder / 'bomb.png'


def huge(folder):
    Image.new('1', (10_000, 10_000)).save(folder / 'huge.png')
    return folder / 'huge.png'


def not_a_picture(folder):
    (folder / 'letter.png').write_text('Dear app, this is no picture.')
    return folder / 'letter.png'


@pytest.mark.parametrize(
    ('make', 'message'),
    [(bomb, '50 million pixels'), (huge, '50 million pixels'), (not_a_picture, 'This file is no picture')],
)
def test_a_bad_file_gets_a_message_and_the_app_lives_on(person, picture, tmp_path, make, message):
    person.tab('Ground')
    person.upload('#ground-picture', make(tmp_path))
    person.write('#ground-text', 'a [star]')
    person.click('#ground-find')
    said = person.message()
    assert message in said and '/' not in said.replace('slan_mm/', '')
    person.upload('#ground-picture', picture)
    person.click('#ground-find')
    person.until(lambda: marks(person) == ['star'])


@pytest.mark.parametrize(
    ('text', 'message'),
    [('', 'Write a text first.'), ('a [dog', 'without'), ('long ' * 220, '1100 characters')],
    ids=['empty', 'bracket', 'long'],
)
def test_a_bad_text_gets_a_message(person, picture, text, message):
    person.tab('Ground')
    person.upload('#ground-picture', picture)
    person.write('#ground-text', text)
    person.click('#ground-find')
    assert message in person.message()


def test_the_page_asks_nobody_else(person, address):
    """After all that was done: no font, no script, no statistics of others."""
    person.driver.refresh()
    person.see('#slan-title')
    asked = person.asked()
    assert len(asked) > 5 and {url for url in asked if not url.startswith(address)} == set()


@pytest.mark.parametrize('path', ['/etc/hostname', str(ROOT / 'pyproject.toml'), str(ROOT / 'checkpoints')])
def test_no_file_of_the_machine_is_served(address, path):
    with pytest.raises(HTTPError) as refused:
        urllib.request.urlopen(f'{address}gradio_api/file={path}')
    assert refused.value.code in (403, 404)


def test_the_page_names_only_its_own_folder(address):
    with urllib.request.urlopen(f'{address}config') as answer:
        text = answer.read().decode()
    uploads = re.escape(os.environ['GRADIO_TEMP_DIR'])
    assert str(ROOT) not in text and os.path.expanduser('~/') not in re.sub(uploads, '', text)


def test_ten_users_at_once_are_all_answered(address, picture):
    from gradio_client import Client, handle_file

    def ask(number):
        client = Client(address, verbose=False)
        result = client.predict(handle_file(picture), f'a [star] number {number}', api_name='/answer_of')
        return f'number {number}' in re.sub('<[^>]+>', '', str(result[0] if isinstance(result, tuple) else result))

    with ThreadPoolExecutor(10) as pool:
        assert all(pool.map(ask, range(10)))


@pytest.fixture(scope='module')
def tasks_address(task_model, tmp_path_factory):
    """The tab Tasks of four models on one page: no model has all heads."""
    import gradio as gr

    folder = tmp_path_factory.mktemp('tasks_app')
    set_environment(folder / 'uploads')
    samples = sample_pictures(folder / 'samples', 2)
    with gr.Blocks(analytics_enabled=False) as page:
        gr.Markdown('# Tasks', elem_id='slan-title')
        for task in TASKS:
            tasks_tab(task_model(task), samples)
    yield start(page.queue(), '127.0.0.1', None)
    page.close()


def test_each_task_answers(tasks_address, picture):
    person = Person(tasks_address)
    try:
        person.upload('#captioning-picture', picture)
        person.click('#captioning-go')
        answer = '-answer textarea'
        person.until(lambda: 'prob' in person.see(f'#captioning{answer}').get_attribute('value'))
        person.upload('#vqa-picture', picture)
        person.write('#vqa-text', 'what colour is the circle?\ue007')
        person.until(lambda: 'prob' in person.see(f'#vqa{answer}').get_attribute('value'))
        person.upload('#nlvr2-left', picture)
        person.upload('#nlvr2-right', picture)
        person.write('#nlvr2-text', 'a circle\ue007')
        person.until(lambda: 'probability of true' in person.see(f'#nlvr2{answer}').get_attribute('value'))
        person.upload('#detection-picture', picture)
        person.click('#detection-go')
        assert 'Write a list of classes first.' in person.message()
        person.write('#detection-text', 'red circle, blue square\ue007')
        person.until(lambda: len(boxes(person, '#detection-answer')) == 10)
        screen(person, 'tasks')
    finally:
        person.close()
