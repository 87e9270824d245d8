"""What of a run's log a person reads on the console; the log file holds all of it."""

import io
import logging
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from typing import Any

from mmengine.logging import MMLogger

_MISMATCH = 'The model and loaded state dict do not match exactly'
#: Beginnings of messages that are long, or many, and of use when something has gone wrong.
_FILE_ONLY = (
    r'\s*-+\nSystem environment:',
    r'Config:\n',
    r'Hooks will be executed in the following order',
    r'paramwise_options -- ',
    r'\S+ is skipped since its requires_grad=False',
    r'\S+ is duplicate\. It is skipped since bypass_duplicate',
    r'Distributed training is not used, all SyncBatchNorm',
    # Of MMEngine's own code.
    r'"FileClient" will be deprecated',
    r'"HardDiskBackend" is the alias',
    _MISMATCH,
)


def keep_off_console(logger: logging.Logger, *beginnings: str) -> None:
    """Messages with one of these beginnings (regular expressions) go to the files of ``logger`` alone."""
    pattern = re.compile('|'.join(f'(?:{beginning})' for beginning in beginnings))
    for handler in logger.handlers:
        if isinstance(handler, logging.StreamHandler) and not isinstance(handler, logging.FileHandler):
            handler.addFilter(lambda record: not pattern.match(record.getMessage()))


class ShortConsole:
    """Goes before a runner in its bases: the console is spared dumps of environment, config, hooks and parameters."""

    def build_logger(self, *args: Any, **kwargs: Any) -> MMLogger:
        """MMEngine's logger."""
        logger = super().build_logger(*args, **kwargs)  # type: ignore[misc]
        keep_off_console(logger, *_FILE_ONLY)
        return logger


@contextmanager
def mismatch_in_one_line(logger: logging.Logger) -> Iterator[None]:
    """While weights are loaded: names of tensors that do not match go to the log file, their parts into one line."""
    printed = io.StringIO()
    try:
        with redirect_stdout(printed):
            yield
    finally:
        # Before the list stands where the file was read from, which the runner logs as well.
        _, found, names = printed.getvalue().partition(_MISMATCH)
        if found:
            logger.warning(found + names.rstrip())
            logger.warning(describe_mismatch(names))


def describe_mismatch(text: str) -> str:
    """MMEngine's list of tensors that do not match, counted by part."""
    said = []
    for kind, what in (('missing keys', 'not in the checkpoint, start fresh'), ('unexpected key', 'left out of it')):
        found = re.search(rf'^{kind} in source state_dict: (.+)$', text, re.MULTILINE)
        if found:
            parts = Counter('.'.join(name.split('.')[:2]) for name in found[1].split(', '))
            said.append(f'{what}: ' + ', '.join(f'{part} ({count})' for part, count in parts.items()))
    return 'Tensors ' + '; '.join(said)
