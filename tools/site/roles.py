"""Sphinx's roles in docstrings (``:class:`SLAN` ``) as links of the site: an extension of griffe, see mkdocs.yml."""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path
from typing import Any

import griffe

ROLE = re.compile(r':(?:class|func|meth|mod|attr|data):`~?([\w.]+)`')
DEFINITION = re.compile(r'^(?:class|def) ([A-Za-z]\w*)', re.MULTILINE)


def definitions(package: Path) -> dict[str, str]:
    """Where each public class and function is defined: name to dotted path, of names defined once."""
    places = defaultdict(list)
    for file in sorted(package.rglob('*.py')):
        module = '.'.join(file.relative_to(package.parent).with_suffix('').parts)
        for match in DEFINITION.finditer(file.read_text(encoding='utf-8')):
            places[match[1]].append(f'{module}.{match[1]}')
    return {name: found[0] for name, found in places.items() if len(found) == 1}


class Roles(griffe.Extension):
    """Rewrites the roles of every docstring; a name that is not found stays code without a link."""

    def __init__(self) -> None:
        self.places = definitions(Path(__file__).parents[2] / 'slan_mm')

    def link(self, name: str, obj: griffe.Object) -> str:
        """Markdown of a role's ``name``, written in the docstring of ``obj``."""
        first, _, rest = name.partition('.')
        target = self.places.get(first)
        if target is None and name.startswith('slan_mm.'):
            target, rest = name, ''
        owner = obj if obj.is_class else obj.parent
        if target is None and owner is not None and owner.is_class and first in owner.members:
            target = f'{owner.path}.{first}'
        if target is None:
            return f'`{name}`'
        return f'[`{name}`][{target}{"." + rest if rest else ""}]'

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Called by griffe for every module, class, function and attribute, when its members are known."""
        if obj.docstring is not None:
            obj.docstring.value = ROLE.sub(lambda match: self.link(match[1], obj), obj.docstring.value)
