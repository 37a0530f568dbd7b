"""The workspace: stages and their order, outcomes, column names, calendar, currency.

The least that a workspace must say is ``stages`` in their order and what each
closing stage means::

    stages = ["Lead", "Qual", "Prop"]

    [outcomes]
    Won = "won"
    Lost = "lost"

Everything else has a default. ``read`` takes a TOML file or a dict of the same shape.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import functools
import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from enablement.errors import SettingsError, choices, nearest
from enablement.periods import ENDS, NAMED_AFTER, WEEKS, Calendar, Period
from enablement.workdays import WEEK, WorkingDays

OUTCOMES = ("won", "lost", "cancelled")
TYPES = ("new business", "existing business", "renewal")
DATE_ORDERS = ("year first", "month first", "day first")
ZERO_RULES = ("missing", "kept")
DECIMALS = (".", ",")
CONVERT_AT = ("close", "as_of")
# The last two are Zoho's and Salesforce's words for nothing chosen.
PLACEHOLDERS = (
    *("", "N/A", "n/a", "-", "Select", "Unknown", "unknown", "NULL", "null"),
    *("-None-", "--None--"),
)
# What a rule of reading can do; the first word is what it does unless the settings say otherwise.
RULES: dict[str, tuple[str, ...]] = {
    "repeated_ids": ("first", "last", "stop"),
    "repeated_rows": ("kept", "first"),
    "deleted": ("set aside", "kept"),
    "merged": ("set aside", "kept"),
    "owner_names": ("matched", "kept"),
    "owner_changes": ("visits", "ignored"),
    "reopened": ("kept", "ignored"),
    "unreadable_values": ("missing", "set aside"),
}
FILE_NAME = "settings.toml"
LONGEST_FILE = 2**22
LONGEST_LINE = 80  # letters of one that are shown
FIRST_YEAR, LAST_YEAR = 1990, 2099  # no CRM is older; what is later is a slip
# What is said in another shape than it is kept in.
RESHAPED = (
    *("stages", "pipelines", "fiscal_year", "working_days", "money", "renamed_stages"),
    *("snapshots", "not_missing"),
)


@dataclasses.dataclass(frozen=True)
class Rename:
    """An earlier name of a stage or an outcome.

    said : the name that stands in the export
    meant : what it is called today
    pipeline : the one pipeline in which it was so; None for every one that has `meant`
    since, until : the days on which `said` meant this, both included; None for no bound
    """

    said: str
    meant: str
    pipeline: str | None = None
    since: dt.date | None = None
    until: dt.date | None = None


@dataclasses.dataclass(frozen=True)
class Settings:
    """What a workspace says of itself.

    pipelines : name -> its stages in order; a company with one has the name ``""``
    outcomes : name of a closing stage -> won, lost or cancelled
    types : the CRM's word for a kind of business -> new business, existing business, renewal
    columns : table -> our column -> the CRM's column
    files : table -> file name, where the headers alone do not tell
    tables : table -> what a database calls it, such as ``sales.deals``; see `enablement.connect`
    stage_dates : stage -> the CRM's column with the date at which it was entered
    unwanted_dates : stages whose columns of dates are left out; ``""`` in [stage_dates]
    values : table -> column -> what stands there -> what is meant
    missing : words that mean "not known": PLACEHOLDERS, those that ``missing`` adds, without
        those that ``not_missing`` takes out
    dates : order of day and month, or a format such as ``%d.%m.%Y``; None lets
        each whole column decide
    decimal : "." or ",", for columns of numbers such as 1.000 that do not decide it; None
        lets each whole column decide
    formats : file name -> ``dates`` or ``decimal`` of that file, where it is written
        otherwise than the rest
    timezone : the zone of times that name none
    zero_amount_when_lost : "missing" (an amount of 0 on a lost one is unknown) or "kept"
    currency : code of the amounts that name none, and of those that reports are in
    convert_at : the day whose rate converts an amount of another currency: that of its
        ``close``, of an open one `as_of`; or ``as_of`` for all
    rules : rule of reading -> what it does, where that is not what it does by itself; see RULES
    exported_on : the day of the export; None takes the last day seen in the data
    renamed_stages : earlier names of stages, each with the days on which it was in use
    snapshot_key : columns that together tell opportunities apart in dated exports without ids
    calendar : the fiscal calendar
    working_days : the days of the week on which the company works, and its holidays
    origin : where this was read from, for messages
    """

    pipelines: dict[str, tuple[str, ...]]
    outcomes: dict[str, str]
    types: dict[str, str] = dataclasses.field(default_factory=dict)
    columns: dict[str, dict[str, str]] = dataclasses.field(default_factory=dict)
    files: dict[str, str] = dataclasses.field(default_factory=dict)
    tables: dict[str, str] = dataclasses.field(default_factory=dict)
    stage_dates: dict[str, str] = dataclasses.field(default_factory=dict)
    unwanted_dates: tuple[str, ...] = ()
    values: dict[str, dict[str, dict[str, str]]] = dataclasses.field(default_factory=dict)
    missing: tuple[str, ...] = PLACEHOLDERS
    dates: str | None = None
    decimal: str | None = None
    formats: dict[str, dict[str, str]] = dataclasses.field(default_factory=dict)
    timezone: str = "UTC"
    zero_amount_when_lost: str = "missing"
    currency: str = "USD"
    convert_at: str = "close"
    rules: dict[str, str] = dataclasses.field(default_factory=dict)
    exported_on: dt.date | None = None
    renamed_stages: tuple[Rename, ...] = ()
    snapshot_key: tuple[str, ...] = ()
    calendar: Calendar = dataclasses.field(default_factory=Calendar)
    working_days: WorkingDays = dataclasses.field(default_factory=WorkingDays)
    origin: str = "settings"

    @property
    def stages(self) -> tuple[str, ...]:
        """Every stage of every pipeline, in order, each name once."""
        return tuple(dict.fromkeys(s for stages in self.pipelines.values() for s in stages))

    @property
    def known_stages(self) -> list[str]:
        """Every name that may stand in a stage column, outcomes included."""
        return [*self.stages, *self.outcomes]

    def rule(self, name: str) -> str:
        """Say what a rule of reading does."""
        return self.rules.get(name, RULES[name][0])

    def format_of(self, place: str, key: str) -> str | None:
        """Find what ``[formats]`` says of one file.

        Parameters
        ----------
        place : the file's name, with or without a sheet and a column behind it, such as
            ``book.xlsx, sheet Deals, column Closed``; the longest name that fits counts
        key : "dates" or "decimal"
        """
        fitting = [
            name
            for name, said in self.formats.items()
            if key in said and f"{place}, ".startswith(f"{name}, ")
        ]
        return self.formats[max(fitting, key=len)][key] if fitting else None

    def renamed_in(self, rename: Rename) -> list[str]:
        """List the pipelines that an earlier name of a stage belongs to."""
        named = list(self.pipelines) if rename.pipeline is None else [rename.pipeline]
        return [name for name in named if rename.meant in (*self.pipelines[name], *self.outcomes)]

    def period(self, name: str | Period | tuple[object, object]) -> Period:
        """Find the days of a fiscal period such as ``2026Q3``."""
        return self.calendar.period(name)


def root() -> Path:
    """Find the workspace's root, from which every relative path starts.

    It is ``ENABLEMENT_ROOT`` where that is set, else the nearest folder, from
    the current one upwards, that holds both ``data`` and ``notebooks``, else the
    current folder.
    """
    if named := os.environ.get("ENABLEMENT_ROOT"):
        return Path(named).expanduser().resolve()
    here = Path.cwd().resolve()
    for folder in (here, *here.parents):
        if (folder / "data").is_dir() and (folder / "notebooks").is_dir():
            return folder
    return here


def read(source: Settings | Mapping[str, Any] | str | Path | None, *, folder: Path) -> Settings:
    """Read the settings of a workspace.

    Parameters
    ----------
    source : a path, a dict of the same shape, or None for ``settings.toml`` in
        `folder`, else at the workspace's root
    folder : the folder of the export

    Raises
    ------
    SettingsError
        If there are none, or a key or value does not fit; the message names it.
    """
    if isinstance(source, Settings):
        return source
    if isinstance(source, Mapping):
        return _from_dict(source, origin="settings")
    if source is not None and not isinstance(source, (str, Path)):
        raise SettingsError(f"settings={source!r} is neither a path nor a dict.")
    path = _locate(source, folder)
    return _from_dict(toml(path), origin=path.name)


def toml(path: Path) -> dict[str, Any]:
    """Read a file that somebody wrote by hand.

    Raises
    ------
    SettingsError
        If it cannot be opened, is no text in UTF-8 or no TOML; the message names the line.
    """
    try:
        size = path.stat().st_size
        # What has no size, such as the messages of a kernel, may have no end either.
        raw = path.read_bytes() if 0 < size <= LONGEST_FILE else b""
    except OSError as error:
        raise SettingsError(f"{path.name} cannot be opened: {error.strerror}.") from error
    if size > LONGEST_FILE:
        raise SettingsError(
            f"{path.name} has {size:,} bytes; at most {LONGEST_FILE:,} are read. Is it the export?"
        )
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise SettingsError(
            f"{path.name}, line {line}: a letter is not in UTF-8. Save it in that encoding."
        ) from error
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{path.name}: {error}{_where(text, str(error))}") from error
    except RecursionError:
        raise SettingsError(f"{path.name}: too many brackets within brackets.") from None
    except ValueError as error:
        raise SettingsError(f"{path.name} has a number of too many digits.") from error


def _where(text: str, complaint: str) -> str:
    """Show the line that a complaint is about, and what is often wrong with it."""
    found = re.search(r"at line (\d+)", complaint)
    if found is None:
        return ""
    line = text.split("\n")[int(found[1]) - 1].strip()
    curly = " Its quotation marks must be straight." if re.search("[“”„‘’«»]", line) else ""
    shown = line if len(line) <= LONGEST_LINE else f"{line[:LONGEST_LINE]}..."
    return f": {shown!r}.{curly}" if line else ""


def _locate(source: str | Path | None, folder: Path) -> Path:
    if source is not None:
        path = root() / source
        if not os.path.isfile(path):  # `Path.is_file` fails where the name is too long
            raise SettingsError(f"There are no settings at {source}.")
        return path
    for path in (folder / FILE_NAME, root() / FILE_NAME):
        if path.is_file():
            return path
    raise SettingsError(
        f"{folder.name} has no {FILE_NAME}. The least it must say: "
        'stages = ["Lead", "Qual", "Prop"] in their order, and '
        '[outcomes] with Won = "won", Lost = "lost".'
    )


def _from_dict(said: Mapping[str, Any], *, origin: str) -> Settings:
    inner = ("calendar", "convert_at", "origin", "snapshot_key", "unwanted_dates")
    known = {*RESHAPED, *(f.name for f in dataclasses.fields(Settings) if f.name not in inner)}
    for key in said:
        if key not in known:
            raise SettingsError(f"{origin}: unknown key {key!r}. {choices(key, sorted(known))}")
    given = {key: said[key] for key in said if key not in RESHAPED}
    for key, kind in KINDS.items():
        if key in given and not isinstance(given[key], kind):
            raise SettingsError(f"{origin}: {key} = {given[key]!r} is not {NAMES[kind]}.")
    for key, depth in DEPTHS.items():
        _check_texts(given.get(key, {}), depth, f"{origin}: {key}")
    if isinstance(given.get("exported_on"), dt.datetime):
        given["exported_on"] = given["exported_on"].date()
    dates = given.get("stage_dates", {})
    given["stage_dates"] = {stage: column for stage, column in dates.items() if column}
    given["unwanted_dates"] = tuple(stage for stage, column in dates.items() if not column)
    given["missing"] = _missing(given.get("missing", []), said.get("not_missing", []), origin)
    settings = Settings(
        pipelines=_pipelines(said, origin),
        calendar=_calendar(said.get("fiscal_year", {}), origin),
        working_days=_working_days(said.get("working_days", {}), origin),
        convert_at=_convert_at(said.get("money", {}), origin),
        renamed_stages=_renames(said.get("renamed_stages", []), origin),
        snapshot_key=_snapshot_key(said.get("snapshots", {}), origin),
        origin=origin,
        **{"outcomes": {}, **given},
    )
    _check(settings)
    return settings


KINDS: dict[str, type] = {
    **dict.fromkeys(
        ("outcomes", "types", "columns", "files", "tables", "stage_dates", "values", "rules"),
        Mapping,
    ),
    **dict.fromkeys(("dates", "decimal", "timezone", "zero_amount_when_lost", "currency"), str),
    "formats": Mapping,
    "missing": list,
    "exported_on": dt.date,
}
# How many tables lie around the texts of a setting.
DEPTHS = {
    **dict.fromkeys(("outcomes", "types", "files", "tables", "stage_dates", "rules"), 1),
    **dict.fromkeys(("columns", "formats"), 2),
    "values": 3,
}
FISCAL_YEAR = ["first_month", "last_month", "weeks", "ends", "extra_week", "named_after"]
FISCAL_YEAR_USUAL = {"ends": "last Saturday", "extra_week": "M12", "named_after": "end"}
CODE = re.compile(r"[A-Z]{3}")
DIRECTIVES = set("dmyYHIMSpfbBjzZ%")
NAMES = {Mapping: "a table", str: "text in quotes", list: "a list", dt.date: "a date"}


def _check_texts(said: Any, depth: int, where: str) -> None:
    """Refuse what is not text in quotes, so many tables deep."""
    if depth == 0:
        if not isinstance(said, str):
            raise SettingsError(f"{where} = {said!r} is not text in quotes.")
        return
    if not isinstance(said, Mapping):
        raise SettingsError(f"{where} = {said!r} is not a table.")
    for name, inner in said.items():
        _check_texts(inner, depth - 1, f"{where}.{name}")


def _pipelines(said: Mapping[str, Any], origin: str) -> dict[str, tuple[str, ...]]:
    named = said.get("pipelines", {})
    for name, table in named.items() if isinstance(named, Mapping) else [("", None)]:
        if not isinstance(table, Mapping) or set(table) != {"stages"}:
            raise SettingsError(f"{origin}: [pipelines.{name or 'NAME'}] must hold stages = [...].")
    lists = {name: table["stages"] for name, table in named.items()}
    if "stages" in said:
        lists = {"": said["stages"], **lists}
    if not lists:
        raise SettingsError(f'{origin}: say the stages in their order: stages = ["Lead", "Qual"].')
    for name, stages in lists.items():
        if not isinstance(stages, (list, tuple)) or not stages:
            where = f"pipelines.{name}.stages" if name else "stages"
            raise SettingsError(f"{origin}: {where} must be a list of names, in their order.")
        if not all(isinstance(stage, str) and stage.strip() for stage in stages):
            raise SettingsError(f"{origin}: each of the stages {list(stages)!r} must be a name.")
        twice = {stage for stage in stages if list(stages).count(stage) > 1}
        if twice:
            raise SettingsError(f"{origin}: the stage {min(twice)!r} is listed twice.")
    return {name: tuple(map(str, stages)) for name, stages in lists.items()}


def _missing(added: list[str], taken_out: Any, origin: str) -> tuple[str, ...]:
    """List the words that mean "not known"."""
    for word in added:
        _check_texts(word, 0, f"{origin}: missing")
    words = tuple(dict.fromkeys([*PLACEHOLDERS, *added]))
    if not isinstance(taken_out, list):
        raise SettingsError(f"{origin}: not_missing = {taken_out!r} is not a list.")
    for word in taken_out:
        if word not in words or not word:
            known = choices(str(word), list(filter(None, PLACEHOLDERS)))
            raise SettingsError(f"{origin}: not_missing has {word!r}. {known}")
    return tuple(word for word in words if word not in taken_out)


def _calendar(said: Mapping[str, Any], origin: str) -> Calendar:
    if not isinstance(said, Mapping):
        raise SettingsError(f"{origin}: fiscal_year = {said!r} is not a table.")
    for key in said:
        if key not in FISCAL_YEAR:
            raise SettingsError(
                f"{origin}: unknown key {key!r} in [fiscal_year]. {choices(key, FISCAL_YEAR)}"
            )
    first = _month(said, origin)
    named = _fiscal_word(said, "named_after", NAMED_AFTER, origin)
    if "weeks" not in said:
        for key in ("ends", "extra_week"):
            if key in said:
                raise SettingsError(
                    f"{origin}: fiscal_year.{key} is of a year of whole weeks. Say which months "
                    'are the long ones too: weeks = "4-4-5".'
                )
        return Calendar(first_month=first, named_after=named)
    patterns = {"-".join(map(str, weeks)): weeks for weeks in WEEKS}
    months = tuple(f"M{n:02d}" for n in range(1, 13))
    return Calendar(
        first_month=first,
        weeks=patterns[_fiscal_word(said, "weeks", tuple(patterns), origin)],
        ends=_fiscal_word(said, "ends", ENDS, origin),
        extra_week=months.index(_fiscal_word(said, "extra_week", months, origin)) + 1,
        named_after=named,
    )


def _month(said: Mapping[str, Any], origin: str) -> int:
    """Find the first month of the fiscal year, said by itself or by the last one."""
    for key in ("first_month", "last_month"):
        month = said.get(key, 1)
        if not isinstance(month, int) or isinstance(month, bool) or not 1 <= month <= 12:
            raise SettingsError(f"{origin}: fiscal_year.{key} = {month!r} is not 1 to 12.")
    if "last_month" not in said:
        return int(said.get("first_month", 1))
    first = said["last_month"] % 12 + 1
    if said.get("first_month", first) != first:
        raise SettingsError(
            f"{origin}: a fiscal year cannot begin in month {said['first_month']} and end in "
            f"month {said['last_month']}. Say one of first_month and last_month."
        )
    return int(first)


def _fiscal_word(said: Mapping[str, Any], key: str, known: tuple[str, ...], origin: str) -> str:
    """Read a word of the fiscal year that has few values."""
    word = said.get(key, FISCAL_YEAR_USUAL.get(key))
    if word not in known:
        raise SettingsError(f"{origin}: fiscal_year.{key} = {word!r}. {choices(word, list(known))}")
    return str(word)


def _working_days(said: Any, origin: str) -> WorkingDays:
    if not isinstance(said, Mapping):
        raise SettingsError(f"{origin}: working_days = {said!r} is not a table.")
    known = ["week", "holidays"]
    for key in said:
        if key not in known:
            raise SettingsError(
                f"{origin}: unknown key {key!r} in [working_days]. {choices(key, known)}"
            )
        if not isinstance(said[key], (list, tuple)):
            raise SettingsError(f"{origin}: working_days.{key} = {said[key]!r} is not a list.")
    week = tuple(said.get("week", WorkingDays().week))
    for day in week:
        if day not in WEEK:
            raise SettingsError(f"{origin}: working_days.week has {day!r}. {choices(day, [*WEEK])}")
    if not week or len(set(week)) < len(week):
        raise SettingsError(
            f"{origin}: working_days.week = {list(week)!r} must name each day once."
        )
    where = f"{origin}: working_days.holidays, entry"
    days = [_day(day, f"{where} {n}") for n, day in enumerate(said.get("holidays", []), start=1)]
    return WorkingDays(week, tuple(sorted(day for day in days if day is not None)))


def _convert_at(said: Any, origin: str) -> str:
    if not isinstance(said, Mapping):
        raise SettingsError(f"{origin}: money = {said!r} is not a table.")
    for key in said:
        if key != "convert_at":
            raise SettingsError(
                f"{origin}: unknown key {key!r} in [money]. {choices(key, ['convert_at'])}"
            )
    word = said.get("convert_at", CONVERT_AT[0])
    if word not in CONVERT_AT:
        raise SettingsError(
            f"{origin}: money.convert_at = {word!r}. {choices(word, list(CONVERT_AT))}"
        )
    return str(word)


def _renames(said: Any, origin: str) -> tuple[Rename, ...]:
    if not isinstance(said, (list, tuple)) or not all(isinstance(one, Mapping) for one in said):
        raise SettingsError(
            f"{origin}: renamed_stages = {said!r} is no list of tables such as "
            '[[renamed_stages]] with from = "Discovery", to = "Qualification".'
        )
    where = f"{origin}: renamed_stages, entry"
    return tuple(_rename(one, f"{where} {n}") for n, one in enumerate(said, start=1))


def _rename(said: Mapping[str, Any], where: str) -> Rename:
    known = ["from", "to", "since", "until", "pipeline"]
    for key in said:
        if key not in known:
            raise SettingsError(f"{where}: unknown key {key!r}. {choices(key, known)}")
    for key in ("from", "to"):
        if not isinstance(said.get(key), str) or not said[key].strip():
            raise SettingsError(f'{where}: say {key} = "..." with the name of a stage.')
    if not isinstance(said.get("pipeline", ""), str):
        raise SettingsError(f"{where}: pipeline = {said['pipeline']!r} is not text in quotes.")
    since, until = (_day(said.get(key), f"{where}: {key}") for key in ("since", "until"))
    if since and until and since > until:
        raise SettingsError(f"{where}: since = {since} is later than until = {until}.")
    if said["from"] == said["to"]:
        raise SettingsError(f"{where}: {said['from']!r} is renamed to itself.")
    return Rename(said["from"], said["to"], said.get("pipeline"), since, until)


def _day(said: Any, where: str) -> dt.date | None:
    if said is None:
        return None
    if not isinstance(said, dt.date):
        raise SettingsError(f"{where} = {said!r} is not a date such as 2025-06-30, without quotes.")
    return said.date() if isinstance(said, dt.datetime) else said


def _snapshot_key(said: Any, origin: str) -> tuple[str, ...]:
    if not isinstance(said, Mapping):
        raise SettingsError(f"{origin}: snapshots = {said!r} is not a table.")
    for name in said:
        if name != "key":
            raise SettingsError(
                f"{origin}: unknown key {name!r} in [snapshots]. {choices(name, ['key'])}"
            )
    key = said.get("key", [])
    texts = isinstance(key, (list, tuple)) and all(isinstance(c, str) and c.strip() for c in key)
    if not texts or len(set(key)) < len(key) or ("key" in said and not key):
        raise SettingsError(
            f"{origin}: [snapshots] key = {key!r} is no list of columns, each once, such as "
            'key = ["name", "account_id", "created_at"].'
        )
    return tuple(key)


def _check_renames(settings: Settings) -> None:
    for rename in settings.renamed_stages:
        _check_names(settings, rename)
    for n, one in enumerate(settings.renamed_stages):
        for other in settings.renamed_stages[n + 1 :]:
            if one.said == other.said and _meet(one, other):
                raise SettingsError(
                    f"{settings.origin}: renamed_stages has {one.said!r} twice for the same days. "
                    "Say since or until, so that each day has one meaning."
                )
    for one in settings.renamed_stages:
        _check_chain(settings, one)


def _check_names(settings: Settings, rename: Rename) -> None:
    where = f"{settings.origin}: renamed_stages"
    if rename.pipeline is not None and rename.pipeline not in settings.pipelines:
        known = choices(rename.pipeline, list(settings.pipelines))
        raise SettingsError(f"{where} has the pipeline {rename.pipeline!r}. {known}")
    stages = settings.stages if rename.pipeline is None else settings.pipelines[rename.pipeline]
    if rename.meant not in (*stages, *settings.outcomes):
        known = choices(rename.meant, [*stages, *settings.outcomes])
        raise SettingsError(f"{where} has to = {rename.meant!r}, which is no stage. {known}")
    today = {stage for name in settings.renamed_in(rename) for stage in settings.pipelines[name]}
    if rename.said in {*today, *settings.outcomes} and not (rename.since or rename.until):
        raise SettingsError(
            f"{where} has from = {rename.said!r}, which is a stage of today. Say until when it "
            "meant another: until = 2025-06-30."
        )


def _check_chain(settings: Settings, first: Rename) -> None:
    """Refuse a new name that is itself renamed: `to` is what the stage is called today."""
    path = [first]
    while True:
        last = path[-1]
        onward = [
            r for r in settings.renamed_stages if r.said == last.meant and _meet(first, r, last)
        ]
        if not onward:
            break
        path.append(onward[0])
        if onward[0].meant in {rename.said for rename in path}:
            names = " to ".join(repr(name) for name in (path[0].said, *(r.meant for r in path)))
            raise SettingsError(f"{settings.origin}: renamed_stages goes in a circle: {names}.")
    if len(path) > 1:
        raise SettingsError(
            f"{settings.origin}: renamed_stages has {first.said!r} to {first.meant!r}, which is "
            f"itself renamed. Say what it is called today: to = {path[-1].meant!r}."
        )


def _meet(*renames: Rename) -> bool:
    """Whether there is a pipeline and a day to which all of them apply."""
    pipelines = {rename.pipeline for rename in renames} - {None}
    since = max(rename.since or dt.date.min for rename in renames)
    until = min(rename.until or dt.date.max for rename in renames)
    return len(pipelines) <= 1 and since <= until


def _check(settings: Settings) -> None:
    if "won" not in settings.outcomes.values():
        raise SettingsError(
            f'{settings.origin}: [outcomes] must name the stage that means won, as Won = "won".'
        )
    _check_words(settings, "outcomes", settings.outcomes.values(), OUTCOMES)
    _check_words(settings, "types", settings.types.values(), TYPES)
    _check_words(settings, "zero_amount_when_lost", [settings.zero_amount_when_lost], ZERO_RULES)
    _check_words(settings, "rules", settings.rules, tuple(RULES))
    for rule, does in settings.rules.items():
        _check_words(settings, f"rules.{rule}", [does], RULES[rule])
    _check_formats(settings)
    for word in settings.missing:
        if word in settings.known_stages and word not in PLACEHOLDERS:
            raise SettingsError(
                f"{settings.origin}: missing has {word!r}, which is a stage or an outcome."
            )
    _check_words(settings, "stage_dates", settings.stage_dates, settings.stages)
    both = set(settings.stages) & set(settings.outcomes)
    if both:
        raise SettingsError(
            f"{settings.origin}: {min(both)!r} is both a stage and an outcome; it can be one."
        )
    _check_renames(settings)
    if settings.timezone not in _zones():
        hint = nearest(settings.timezone, sorted(_zones()))
        raise SettingsError(
            f"{settings.origin}: timezone = {settings.timezone!r} is no zone such as "
            f"Europe/Berlin.{hint}"
        )
    if not CODE.fullmatch(settings.currency):
        raise SettingsError(
            f"{settings.origin}: currency = {settings.currency!r} is no code such as EUR."
        )
    day = settings.exported_on
    if day is not None and not FIRST_YEAR <= day.year <= LAST_YEAR:
        raise SettingsError(
            f"{settings.origin}: exported_on = {day}: the year is not between {FIRST_YEAR} and "
            f"{LAST_YEAR}."
        )


@functools.cache
def _zones() -> frozenset[str]:
    """List the zones, by names such as Europe/Berlin; to look for them takes a while."""
    from zoneinfo import available_timezones

    named = {name for name in available_timezones() if "/" in name}
    return frozenset({"UTC"} | {z for z in named if not z.startswith(("posix/", "right/"))})


def _check_formats(settings: Settings) -> None:
    """Check how dates and numbers are said to be written, in all files and in single ones."""
    _check_dates(settings, "dates", settings.dates)
    _check_words(
        settings, "decimal", [] if settings.decimal is None else [settings.decimal], DECIMALS
    )
    for file, said in settings.formats.items():
        where = f"formats.{file}"
        _check_words(settings, where, said, ("dates", "decimal"))
        _check_dates(settings, f"{where}.dates", said.get("dates"))
        decimal = [said["decimal"]] if "decimal" in said else []
        _check_words(settings, f"{where}.decimal", decimal, DECIMALS)


def _check_dates(settings: Settings, where: str, said: str | None) -> None:
    if said is None:
        return
    if "%" not in said:
        _check_words(settings, where, [said], DATE_ORDERS)
        return
    used = set(re.findall(r"%(.?)", said))
    month = used & {"m", "b", "B"}
    if not used <= DIRECTIVES or "d" not in used or not month or not used & {"y", "Y"}:
        raise SettingsError(f"{settings.origin}: {where} = {said!r} is no format such as %d.%m.%Y.")


def _check_words(settings: Settings, key: str, said: Any, known: tuple[str, ...]) -> None:
    for word in said:
        if word not in known:
            raise SettingsError(
                f"{settings.origin}: {key} has {word!r}. {choices(word, list(known))}"
            )
