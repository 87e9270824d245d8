"""A person at a browser: headless Chromium, where it, selenium and gradio are installed."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

#: Seconds that a person waits for an answer.
PATIENCE = 30


def what_is_missing() -> str:
    """Why no browser can be driven here; empty where it can."""
    missing = [name for name in ('gradio', 'selenium') if find_spec(name) is None]
    missing += [name for name in ('chromium', 'chromedriver') if shutil.which(name) is None]
    return f'not installed: {", ".join(missing)}' if missing else ''


class Person:
    """Looks at a page ``width`` x ``height`` pixels large."""

    def __init__(self, address: str, width: int = 1280, height: int = 1000, dark: bool = False) -> None:
        from selenium import webdriver

        options = webdriver.ChromeOptions()
        options.binary_location = shutil.which('chromium')
        for argument in ('headless=new', 'no-sandbox', 'disable-dev-shm-usage', 'disable-gpu', 'hide-scrollbars'):
            options.add_argument(f'--{argument}')
        options.set_capability('goog:loggingPrefs', {'performance': 'ALL', 'browser': 'ALL'})
        self.driver = webdriver.Chrome(options, webdriver.ChromeService(shutil.which('chromedriver')))
        self.resize(width, height, dark)
        self.driver.get(address)
        self.see('#slan-title')

    def resize(self, width: int, height: int, dark: bool = False) -> None:
        """Takes another device."""
        sizes = dict(width=width, height=height, deviceScaleFactor=1, mobile=width < 600)
        self.driver.execute_cdp_cmd('Emulation.setDeviceMetricsOverride', sizes)
        scheme = [dict(name='prefers-color-scheme', value='dark' if dark else 'light')]
        self.driver.execute_cdp_cmd('Emulation.setEmulatedMedia', dict(features=scheme))

    def close(self) -> None:
        """Closes the browser."""
        self.driver.quit()

    def until(self, there: Callable[[], Any]) -> Any:
        """Waits for what ``there`` gives."""
        from selenium.common.exceptions import WebDriverException
        from selenium.webdriver.support.ui import WebDriverWait

        def look(_: Any) -> Any:
            with suppress(WebDriverException):  # what was there has been drawn again
                return there()
            return None

        return WebDriverWait(self.driver, PATIENCE, 0.1).until(look)

    def all(self, selector: str) -> list:
        """What of a CSS selector is seen."""
        return [one for one in self.driver.find_elements('css selector', selector) if one.is_displayed()]

    def see(self, selector: str) -> Any:
        """Waits for the first of a CSS selector."""
        return self.until(lambda: self.all(selector))[0]

    def text(self, selector: str) -> str:
        """What is written there."""
        return self.see(selector).text

    def click(self, selector: str) -> None:
        """Clicks it."""
        self.until(lambda: [self.all(selector)[0].click()])

    def tab(self, name: str) -> None:
        """Opens a tab."""
        self.until(lambda: [next(one for one in self.all('button[role=tab]') if one.text == name).click()])

    def write(self, selector: str, text: str) -> None:
        """Writes into a box in the place of what is there."""
        from selenium.webdriver.common.keys import Keys

        box = self.see(f'{selector} textarea, {selector} input[type=text]')
        box.send_keys(Keys.CONTROL, 'a')
        box.send_keys(text or Keys.DELETE)

    def upload(self, selector: str, file: Path | str) -> None:
        """Gives a file, in the place of the one that is there, and waits until it has arrived."""
        for cross in self.all(f'{selector} button[aria-label="Clear"], {selector} button[title="Clear"]'):
            cross.click()
        self.until(lambda: self.driver.find_elements('css selector', f'{selector} input[type=file]'))
        self.driver.find_element('css selector', f'{selector} input[type=file]').send_keys(str(file))
        self.see(f'{selector} img')

    def press(self, *keys: str) -> None:
        """Presses keys where the focus is."""
        from selenium.webdriver.common.action_chains import ActionChains

        ActionChains(self.driver).send_keys(*keys).perform()

    def message(self) -> str:
        """Waits for the app's message, reads it and closes it."""
        said = self.text('.toast-body .toast-text, .toast-body')
        for cross in self.all('.toast-close'):
            cross.click()
        self.until(lambda: not self.all('.toast-body'))
        return said

    def overflow(self) -> int:
        """By how many pixels the page is wider than the screen."""
        return self.driver.execute_script(
            'return document.documentElement.scrollWidth - document.documentElement.clientWidth'
        )

    def asked(self) -> set[str]:
        """The addresses that the page has asked for since the last look, without those within it."""
        events = [json.loads(one['message'])['message'] for one in self.driver.get_log('performance')]
        sent = [one['params']['request']['url'] for one in events if one['method'] == 'Network.requestWillBeSent']
        return {url for url in sent if not url.startswith(('data:', 'blob:', 'chrome:'))}

    def photograph(self, file: Path) -> None:
        """The screen, as a small jpg."""
        from io import BytesIO

        from PIL import Image

        Image.open(BytesIO(self.driver.get_screenshot_as_png())).convert('RGB').save(file, quality=82, optimize=True)
