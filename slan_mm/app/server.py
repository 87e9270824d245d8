"""The app as a web server: the tabs on one page, and what it lets in and out."""

from __future__ import annotations

import ipaddress
import os
import warnings
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

from slan_mm.app.about import about
from slan_mm.app.models import AppModel
from slan_mm.app.pictures import MAX_BYTES
from slan_mm.app.search import AppSearch
from slan_mm.app.tabs.compare import compare_tab
from slan_mm.app.tabs.ground import ground_tab
from slan_mm.app.tabs.search import search_tab
from slan_mm.app.tabs.tasks import tasks_tab
from slan_mm.visualization.html_page import ANSWERS_STYLE

#: Nothing but this server is asked by the page: no font, no script, no statistics of others.
POLICY = (
    "default-src 'self'; img-src 'self' data: blob:; font-src 'self' data:; style-src 'self' 'unsafe-inline'; "
    "script-src 'self' 'unsafe-inline' 'unsafe-eval'; connect-src 'self'; frame-ancestors 'self'"
)
#: Users that wait; the next one is told to come back.
MOST_WAITING = 64
#: Answers that are kept for their users' sliders.
MOST_ANSWERS = 64
#: Seconds between two looks for old uploads, and after which they are old.
CLEANING = (600, 3600)

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class OwnContentOnly:
    """ASGI middleware: every page says by ``POLICY`` what the browser may fetch, and sends no referrer."""

    def __init__(self, app: Callable[[Scope, Receive, Send], Awaitable[None]]) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See the class."""

        async def send_with_policy(message: MutableMapping[str, Any]) -> None:
            if message['type'] == 'http.response.start':
                own = [('content-security-policy', POLICY), ('referrer-policy', 'no-referrer')]
                headers = [*message.get('headers', []), *((name.encode(), value.encode()) for name, value in own)]
                message = {**message, 'headers': headers}
            await send(message)

        await self.app(scope, receive, send_with_policy)


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches ``host``."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == 'localhost'


def build_page(
    models: Sequence[AppModel], search: AppSearch, samples: Sequence[tuple[Path, str]], shipped: bool
) -> Any:
    """All tabs, as gradio's ``Blocks``; ``models``: the app's, and one to compare it with or none."""
    import gradio as gr

    with gr.Blocks(title='SLAN', analytics_enabled=False, delete_cache=CLEANING) as page:
        gr.Markdown(f'# SLAN\nWords find their regions. Model: `{models[0].name}`', elem_id='slan-title')
        with gr.Tabs():
            with gr.Tab('Ground', id='ground'):
                ground_tab(models[0], samples)
            with gr.Tab('Search', id='search'):
                search_tab(search)
            with gr.Tab('Tasks', id='tasks'):
                tasks_tab(models[0], samples)
            with gr.Tab('Compare', id='compare'):
                compare_tab(models, samples)
            with gr.Tab('About', id='about'):
                gr.Markdown(about(models[0], shipped), elem_id='about-text')
    return page.queue(max_size=MOST_WAITING)


def start(page: Any, host: str, port: int | None) -> str:
    """Serves ``page`` in a thread and returns its address.

    Raises:
        ValueError: The port is taken, or the host is no address of this machine.
    """
    import gradio as gr

    plain = ('system-ui', '-apple-system', 'Segoe UI', 'Roboto', 'sans-serif')
    try:
        _, address, _ = page.launch(
            server_name=host,
            server_port=port,
            share=False,
            quiet=True,
            prevent_thread_lock=True,
            max_file_size=MAX_BYTES,
            state_session_capacity=MOST_ANSWERS,
            footer_links=[],
            ssr_mode=False,
            enable_monitoring=False,
            theme=gr.themes.Default(font=plain, font_mono=('ui-monospace', 'Consolas', 'monospace')).set(
                block_info_text_color='*neutral_600', block_info_text_color_dark='*neutral_300'
            ),
            css=ANSWERS_STYLE + (files('slan_mm.app') / 'style.css').read_text(encoding='utf-8'),
            # Of each middleware its class, arguments and options.
            app_kwargs=dict(middleware=[(OwnContentOnly, (), {})]),
        )
    except OSError as error:
        raise ValueError(
            f'the app cannot listen on {host}, port {port or "7860 and the next hundred"}: {error}'
        ) from error
    return address


def set_environment(uploads: Path) -> None:
    """Nothing is reported to anyone; uploads lie in ``uploads``. To be called before gradio is imported."""
    os.environ['GRADIO_TEMP_DIR'] = str(uploads)
    os.environ['GRADIO_ANALYTICS_ENABLED'] = 'False'
    os.environ['HF_HUB_DISABLE_TELEMETRY'] = '1'
    # What it says to its own developers at every request.
    warnings.filterwarnings('ignore', module='gradio')
