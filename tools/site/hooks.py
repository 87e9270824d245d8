"""What the site has beyond docs/: the pages of the repository's root, and the API reference from the docstrings.

Hooks of mkdocs (mkdocs.yml). Nothing is imported: docstrings are read from the files.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[2]
#: Pages of the root that have a place in the navigation.
ROOT_PAGES = ('CONTRIBUTING.md', 'SECURITY.md')
#: Links to records, which lie in the repository alone.
RUNS = re.compile(r'\[([^]]*)\]\((?:\.\./)?runs/[^)]*\)')


def packages() -> list[str]:
    """The packages of slan_mm, a page of the reference each."""
    folders = sorted(file.parent for file in (ROOT / 'slan_mm').rglob('__init__.py'))
    return ['.'.join(folder.relative_to(ROOT).parts) for folder in folders]


def modules(package: str) -> list[str]:
    """The public modules of a package, by their files, without those of its subpackages."""
    files = sorted((ROOT / package.replace('.', '/')).glob('*.py'))
    return [f'{package}.{file.stem}' for file in files if not file.stem.startswith('_')]


def reference(package: str) -> str:
    """The reference page of a package."""
    blocks = '\n\n'.join(f'::: {module}' for module in modules(package))
    return f'# {package}\n\nRead from the docstrings of `{package.replace(".", "/")}/`.\n\n{blocks}\n'


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Fills the navigation's entry of the reference."""
    for entry in config.nav or []:
        if 'Reference' in entry:
            entry['Reference'] = [{package: f'reference/{package}.md'} for package in packages()]
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds the pages that lie outside of docs/."""
    for name in ROOT_PAGES:
        files.append(File.generated(config, name, content=(ROOT / name).read_text(encoding='utf-8')))
    for package in packages():
        files.append(File.generated(config, f'reference/{package}.md', content=reference(package)))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Links between docs/ and the root, as they are in the repository, become links of the site."""
    if page.file.src_uri in ROOT_PAGES:
        return re.sub(r'\]\((?:docs/)', '](', markdown)
    markdown = RUNS.sub(r'\1', markdown)
    return re.sub(rf'\]\((?:\.\./)+({"|".join(map(re.escape, ROOT_PAGES))})', r'](\1', markdown)
