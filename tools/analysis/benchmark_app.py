"""Measures the app in the browser: seconds from the start to the first answer, and the memory after many requests.

    python tools/analysis/benchmark_app.py --requests 200

Starts ``tools/app.py`` with the published model and asks its tab Ground over HTTP, one user a request, with a new text
each time. Needs the extra 'app'.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

from slan_mm.cli.errors import one_line_errors
from slan_mm.cli.options import positive
from slan_mm.extras import require_extra

APP = Path(__file__).resolve().parents[1] / 'app.py'
COLORS, SHAPES = ('red', 'blue', 'green', 'yellow', 'orange'), ('circle', 'square', 'star', 'cross')


def parse_options(arguments: list[str] | None = None) -> argparse.Namespace:
    """The command line's options."""
    parser = argparse.ArgumentParser(description='Measures the app in the browser.')
    parser.add_argument('--requests', type=positive, default=200, help='how many are asked')
    parser.add_argument('--port', type=positive, default=7999, help='where the app listens meanwhile')
    return parser.parse_args(arguments)


def read_address(app: subprocess.Popen) -> str:
    """The address that the app prints when it listens.

    Raises:
        RuntimeError: It has ended.
    """
    assert app.stdout is not None
    for line in app.stdout:
        if found := re.search(r'The app is at (\S+)', line):
            return found[1]
    raise RuntimeError(f'tools/app.py has ended with {app.wait()}')


def sample_of(address: str) -> dict:
    """The first of the app's own pictures, as a browser would send it back."""
    with urllib.request.urlopen(f'{address}config') as answer:
        components = json.load(answer)['components']
    return next(one['props']['icon'] for one in components if one['type'] == 'button' and one['props'].get('icon'))


def ask(address: str, picture: dict, text: str) -> str:
    """The html of an answer of the tab Ground.

    Raises:
        RuntimeError: The app tells an error.
    """
    body = json.dumps({'data': [picture, text]}).encode()
    headers = {'Content-Type': 'application/json'}
    request = urllib.request.Request(f'{address}gradio_api/call/answer_of', body, headers)
    with urllib.request.urlopen(request) as answer:
        event = json.load(answer)['event_id']
    with urllib.request.urlopen(f'{address}gradio_api/call/answer_of/{event}') as answer:
        lines = answer.read().decode()
    if 'event: complete' not in lines or text.split('[')[1].rstrip(']') not in lines:
        raise RuntimeError(f'no answer: {lines[:500]}')
    return lines


def memory_of(process: int) -> float:
    """The resident memory of a process, in MB."""
    status = Path(f'/proc/{process}/status').read_text()
    return int(re.search(r'VmRSS:\s+(\d+) kB', status)[1]) / 1024


@one_line_errors
def main(arguments: list[str] | None = None) -> None:
    """Starts, asks, prints."""
    options = parse_options(arguments)
    require_extra('app')
    start = time.monotonic()
    command = [sys.executable, str(APP), '--port', str(options.port), '--device', 'cpu']
    app = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ)
    try:
        address = read_address(app)
        listening = time.monotonic() - start
        picture = sample_of(address)
        ask(address, picture, 'a [red circle]')
        print(f'listens after {listening:.1f} s, first answer after {time.monotonic() - start:.1f} s', flush=True)
        begin, marks = time.monotonic(), {1, *range(0, options.requests + 1, max(1, options.requests // 4))}
        for number in range(1, options.requests + 1):
            color, shape = COLORS[number % 5], SHAPES[number // 5 % 4]
            ask(address, picture, f'picture {number}: a [{color} {shape}]')
            if number in marks:
                print(f'{number} requests: {memory_of(app.pid):.0f} MB', flush=True)
        print(f'{(time.monotonic() - begin) / options.requests:.2f} s a request')
    finally:
        app.terminate()
        app.wait()


if __name__ == '__main__':
    main()
