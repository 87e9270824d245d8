"""A grid of ablations: rows of settings that differ from a base config, each run with several seeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from mmengine.config import Config, ConfigDict

_ROOT = Path(__file__).resolve().parents[2]
_GRID_KEYS = {'base', 'after', 'max_minutes', 'options', 'metrics', 'baselines', 'rows', 'tables', 'overview'}
_ROW_KEYS = {'label', 'config', 'options', 'without', 'cut', 'after'}
_TABLE_KEYS = {'title', 'note', 'seeds', 'rows', 'metrics'}


@dataclass(frozen=True)
class Row:
    """Settings of a run.

    - ``label``: for people; ``config``: the config file, below the repository's root.
    - ``options``: settings over the config's, nested keys with dots; ``*`` stands for every item of a list, and
      ``{after}`` in a value for the checkpoint of the row named by ``after``, of the same seed.
    - ``without``: settings that all rows share and this one does not take.
    - ``cut``: lists of the config cut to a length, before ``options``.
    - ``after``: a row that has to be run first: the grid's, unless the row names another one, or None.
    """

    name: str
    label: str
    config: str
    options: Mapping[str, Any] = field(default_factory=dict)
    cut: Mapping[str, int] = field(default_factory=dict)
    without: Sequence[str] = ()
    after: str | None = None


@dataclass(frozen=True)
class Table:
    """Rows to be compared, the first one is the reference; ``metrics`` are names for people and of metrics."""

    title: str
    rows: Sequence[str]
    seeds: Sequence[int]
    metrics: Mapping[str, str]
    note: str = ''


#: What stands in an overview for the grid's baseline of a metric, in place of a row.
CHANCE = 'chance'


@dataclass(frozen=True)
class Comparison:
    """A line of the overview: one metric, and for each column a row, ``chance``, or None where there is none."""

    metric: str
    columns: Mapping[str, str | None]


@dataclass(frozen=True)
class Grid:
    """All rows by name, all tables, and the settings that all rows share; a run may take ``max_minutes``.

    - ``baselines``: for a metric's name in the record the metric, or ``1/images``, that tells what chance reaches.
    - ``overview``: a line each by its label; all have the same columns.
    """

    rows: Mapping[str, Row]
    tables: Sequence[Table]
    options: Mapping[str, Any]
    max_minutes: float
    baselines: Mapping[str, str]
    overview: Mapping[str, Comparison] = field(default_factory=dict)

    def seeds(self) -> dict[str, set[int]]:
        """Of each row the seeds of all tables that show it, and of all rows that wait for it."""
        seeds: dict[str, set[int]] = {name: set() for name in self.rows}
        for table in self.tables:
            for name in table.rows:
                row: Row | None = self.rows[name]
                while row is not None:
                    seeds[row.name] |= set(table.seeds)
                    row = self.rows[row.after] if row.after else None
        return seeds

    def runs(self) -> list[tuple[Row, int]]:
        """Every run once, those that others wait for first."""
        seeds = self.seeds()
        ordered = sorted(self.rows.values(), key=self._depth)
        return [(row, seed) for row in ordered for seed in sorted(seeds[row.name])]

    def options_of(self, row: Row) -> dict[str, Any]:
        """The settings that all rows share, less those that the row goes without, and its own."""
        return {key: value for key, value in self.options.items() if key not in row.without} | dict(row.options)

    def _depth(self, row: Row) -> int:
        return 1 + self._depth(self.rows[row.after]) if row.after else 0


def read_grid(path: str | Path) -> Grid:
    """Reads a grid from yaml; ``configs/ablation/grid.yaml`` is one.

    Raises:
        ValueError: A key is not known, the name of a metric is no text, a row goes without a setting that is not
            shared, a table, the overview or ``after`` names a row that is not there, a row is in no table and no other
            row waits for it, lines of the overview differ in their columns, or rows wait for each other in a circle.
    """
    raw = yaml.safe_load(Path(path).read_text())
    _check_keys(raw, _GRID_KEYS, path)
    rows = {}
    for name, settings in raw['rows'].items():
        settings = settings or {}
        _check_keys(settings, _ROW_KEYS, f'row {name} of {path}')
        idle = sorted(set(settings.get('without', ())) - set(raw.get('options') or {}))
        if idle:
            raise ValueError(f'{path}: row {name} is to go without {idle}, which are no settings of all rows')
        rows[name] = Row(name, **{'label': name, 'config': raw['base'], 'after': raw.get('after'), **settings})
    tables = []
    for settings in raw['tables']:
        _check_keys(settings, _TABLE_KEYS, f'a table of {path}')
        tables.append(Table(**{'metrics': raw['metrics'], **settings}))
        if odd := [label for label in tables[-1].metrics if not isinstance(label, str)]:
            raise ValueError(
                f'{path}: metrics are named {odd}: yaml reads true, no and numbers as such; put them in quotes'
            )
    _check_names(rows, tables, path)
    options, baselines = raw.get('options') or {}, raw.get('baselines') or {}
    return Grid(rows, tables, options, float(raw['max_minutes']), baselines, _overview(raw, rows, path))


def row_config(grid: Grid, row: Row, seed: int, after: str | None = None) -> Config:
    """The config of a run; ``after``: the checkpoint that ``{after}`` stands for."""
    cfg = Config.fromfile(_ROOT / row.config)
    for place, length in row.cut.items():
        cfg.merge_from_dict({place: list(_at(cfg, place)[:length])})
    options = expand(grid.options_of(row), cfg)
    options = {key: _filled(value, after) for key, value in options.items()}
    cfg.merge_from_dict({**options, 'randomness.seed': seed})
    return cfg


def expand(options: Mapping[str, Any], cfg: Config | ConfigDict) -> dict[str, Any]:
    """``options`` with ``*`` in a key replaced by each place of the list that stands there in ``cfg``."""
    result: dict[str, Any] = {}
    for key, value in options.items():
        start, star, end = key.partition('.*.')
        if not star:
            result[key] = value
            continue
        count = len(_at(cfg, start))
        result |= expand({f'{start}.{place}.{end}': value for place in range(count)}, cfg)
    return result


def _at(cfg: Any, path: str) -> Any:
    for part in path.split('.'):
        cfg = cfg[int(part)] if isinstance(cfg, list | tuple) else cfg[part]
    return cfg


def _filled(value: Any, after: str | None) -> Any:
    if isinstance(value, Mapping):
        return {key: _filled(item, after) for key, item in value.items()}
    if isinstance(value, str) and '{after}' in value:
        if after is None:
            raise ValueError(f'{value!r} needs the checkpoint of the row named by `after`')
        return value.replace('{after}', after)
    return value


def _check_keys(settings: Mapping, known: set[str], where: Any) -> None:
    unknown = sorted(set(settings) - known)
    if unknown:
        raise ValueError(f'{where}: unknown keys {unknown}; there are {sorted(known)}')


def _overview(raw: Mapping[str, Any], rows: Mapping[str, Row], path: Any) -> dict[str, Comparison]:
    lines = {}
    for label, columns in (raw.get('overview') or {}).items():
        metric, columns = columns['metric'], {name: row for name, row in columns.items() if name != 'metric'}
        lines[label] = Comparison(metric, columns)
        if missing := sorted(set(filter(None, columns.values())) - {CHANCE, *rows}):
            raise ValueError(f'{path}: there are no rows {missing} for the overview of {label}')
        if list(columns) != (wanted := list(next(iter(lines.values())).columns)):
            raise ValueError(f'{path}: the overview of {label} has the columns {list(columns)}, others have {wanted}')
    return lines


def _check_names(rows: Mapping[str, Row], tables: Sequence[Table], path: Any) -> None:
    named = {name for table in tables for name in table.rows}
    waited = {row.after for row in rows.values() if row.after}
    missing = sorted((named | waited) - set(rows))
    if missing:
        raise ValueError(f'{path}: there are no rows {missing}')
    idle = sorted(set(rows) - named - waited)
    if idle:
        raise ValueError(f'{path}: rows {idle} are in no table, and no row waits for them')
    for row in rows.values():
        seen, place = {row.name}, row.after
        while place:
            if place in seen:
                raise ValueError(f'{path}: row {row.name} waits for itself')
            seen.add(place)
            place = rows[place].after
