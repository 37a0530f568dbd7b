"""The quarter: every notebook run with its parameters, and the pages that come of it."""

from __future__ import annotations

import dataclasses
import os
import time
import warnings
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

import enablement
from enablement.errors import CannotSayError, EnablementError, choices
from enablement.measure import ageing, definitions, pipeline, winloss
from enablement.periods import Period
from enablement.read.crm import CRM
from enablement.read.loading import load
from enablement.run import outputs, report
from enablement.settings import root
from enablement.show import theme, words

if TYPE_CHECKING:
    import papermill

FINDING = "finding"
KERNEL = "python3"
KERNEL_SECONDS = 300  # until a kernel answers; on a busy machine a minute was too short
WIDGET = "application/vnd.jupyter.widget-view+json"
MOST_FACTS = 4  # that stand in one line of the first page


@dataclasses.dataclass(frozen=True)
class Run:
    """What became of one notebook.

    notebook : its file
    title : its first heading
    finding : what its cell tagged ``finding`` printed; empty if it failed before
    error : cell and error in a line; empty if it ran
    page : the HTML file; None if there was nothing to write
    seconds : how long it took
    """

    notebook: Path
    title: str
    finding: str
    error: str
    page: Path | None
    seconds: float

    @property
    def ran(self) -> bool:
        """Whether it ran to its end."""
        return not self.error


@dataclasses.dataclass(frozen=True)
class Quarter:
    """What a quarter's run left behind.

    index : the first page
    runs : one per notebook, in their order
    """

    index: Path
    runs: tuple[Run, ...]

    @property
    def failed(self) -> list[Run]:
        """The notebooks that did not run to their end."""
        return [run for run in self.runs if not run.ran]


def notebooks() -> list[Path]:
    """List the numbered notebooks, in their order.

    Raises
    ------
    EnablementError
        If the workspace has none.
    """
    folder = root() / "notebooks"
    found = sorted(folder.glob("[0-9][0-9]-*.ipynb"))
    if not found:
        raise EnablementError(
            f"No notebooks in {folder}. Run this in a checkout of the project, "
            "or set ENABLEMENT_ROOT to one."
        )
    return found


def quarter(
    period: str,
    *,
    workspace: str | Path,
    settings: str | Path | None = None,
    out: Path | None = None,
    chosen: Iterable[Path] | None = None,
    progress: Callable[[str], None] = lambda step: None,
) -> Quarter:
    """Run the notebooks for a period, and write their pages and an index.

    Parameters
    ----------
    period : such as ``2026Q3``
    workspace : folder of the export; a relative path starts at the workspace's root
    settings : path of the settings; None for the folder's own
    out : where the results go; None for ``data/out/PERIOD``
    chosen : notebooks to run; None for all
    progress : called with each step's name when it is done

    Raises
    ------
    EnablementError
        If the period, the export or the settings are not right. A notebook that
        fails raises nothing: it is in `Quarter.failed`, and the others still run.
    """
    crm = load(workspace, settings)
    span = crm.period(period)
    _check_seen(crm, span)
    folder = out or root() / "data" / "out" / span.name
    todo = list(chosen) if chosen is not None else notebooks()
    _check_place(folder, [root() / workspace, *(notebook.parent for notebook in todo)])
    folder.mkdir(parents=True, exist_ok=True)
    given = {
        "workspace": str(workspace),
        "settings": str(settings or ""),
        "period": span.name,
    }
    over = f"The quarter {span}, as of {crm.as_of(span)}"
    runs = []
    for notebook in todo:
        runs.append(_run(notebook, given, folder, over))
        progress(notebook.stem)
    index = folder / "index.html"
    page = _index(crm, span, runs, over)
    outputs.write(index, lambda part: part.write_text(page, encoding="utf-8"))
    progress("index")
    return Quarter(index, tuple(runs))


def _check_seen(crm: CRM, span: Period) -> None:
    """Refuse a period of which the export can know nothing, before every notebook says so.

    Raises
    ------
    EnablementError
        Naming the first and the last day that are known.
    """
    dates = {"opportunities": ("created_at", "closed_at"), "stage_visits": ("entered_at",)}
    told = [crm.first(table, column) for table, columns in dates.items() for column in columns]
    first, last = min((day for day in told if day is not None), default=None), crm.seen_until
    if span.start > last or (first is not None and span.end < first.date()):
        since = f"from {first:%Y-%m-%d} " if first is not None else ""
        raise EnablementError(
            f"{span} lies outside what the export has seen, {since}to {last:%Y-%m-%d}."
        )


def _check_place(folder: Path, sources: Iterable[Path]) -> None:
    """Refuse to put results where they would replace what they are made of.

    Raises
    ------
    EnablementError
        Naming the folder.
    """
    if folder.resolve() in {source.resolve() for source in sources}:
        raise EnablementError(
            f"{folder} holds the notebooks or the export. Name a folder for the pages alone."
        )


def store(notebook: Path) -> None:
    """Run a notebook with its own parameters and store it, from top to bottom, where it lies.

    Raises
    ------
    EnablementError
        If a cell fails; the stored notebook is then left as it was.
    """
    import nbformat
    import papermill

    fresh = notebook.with_suffix(".fresh.ipynb")
    try:
        _execute(notebook, {}, fresh, batch=False)
        content = nbformat.read(fresh, as_version=4)
    except papermill.PapermillExecutionError as failure:
        raise EnablementError(f"{notebook.name}, {_failure(failure)}") from failure
    finally:
        fresh.unlink(missing_ok=True)
    nbformat.write(_plain(content), notebook)


def check_parameters(notebook: Path, given: Mapping[str, object]) -> None:
    """Refuse a parameter that a notebook does not have; papermill would only warn.

    Raises
    ------
    EnablementError
        Naming the known parameters and the nearest.
    """
    import papermill

    known = list(papermill.inspect_notebook(str(notebook)))
    for name in given:
        if name not in known:
            raise EnablementError(
                f"{notebook.name} has no parameter {name!r}. {choices(name, known)}"
            )


def _run(notebook: Path, given: Mapping[str, object], folder: Path, over: str) -> Run:
    import papermill

    started = time.monotonic()
    result = folder / notebook.name
    for stale in (result, result.with_suffix(".html")):
        stale.unlink(missing_ok=True)
    error = ""
    try:
        check_parameters(notebook, given)
        _execute(notebook, given, result, batch=True)
    except papermill.PapermillExecutionError as failure:
        error = _failure(failure)
    except Exception as failure:  # whatever a kernel or a broken file does, the others still run
        error = f"before the first cell: {type(failure).__name__}: {_first_line(str(failure))}"
    title, finding = _said(result if result.exists() else notebook)
    page = (
        report.export(result, to=result.with_suffix(".html"), title=over)
        if result.exists()
        else None
    )
    return Run(notebook, title, "" if error else finding, error, page, time.monotonic() - started)


def _execute(notebook: Path, given: Mapping[str, object], to: Path, *, batch: bool) -> None:
    """Run a notebook in its own kernel, from the workspace's root."""
    import papermill
    from traitlets.config import Config

    before = os.environ.get(theme.BATCH)
    os.environ[theme.BATCH] = "1" if batch else "0"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            papermill.execute_notebook(
                str(notebook),
                str(to),
                parameters=dict(given),
                kernel_name=KERNEL,
                progress_bar=False,
                start_timeout=KERNEL_SECONDS,
                cwd=str(root()),
                # Messages between here and the kernel stay unreadable to others on the machine.
                config=Config({"KernelManager": {"transport_encryption": "auto"}}),
                # A kernel is interrupted before it is shut down, which it calls an error.
                extra_arguments=["--IPKernelApp.log_level=CRITICAL"],
            )
    finally:
        if before is None:
            del os.environ[theme.BATCH]
        else:
            os.environ[theme.BATCH] = before


def _plain(notebook: Any) -> Any:
    """Take out what differs from run to run: times, paths and papermill's own notes."""
    notebook.metadata.pop("papermill", None)
    notebook.metadata["language_info"] = {"name": "python"}
    notebook.metadata["kernelspec"] = {
        "display_name": "Python 3",
        "language": "python",
        "name": KERNEL,
    }
    kept = []
    for cell in notebook.cells:
        if "injected-parameters" in cell.metadata.get("tags", ()):
            continue
        tags = cell.metadata.get("tags")
        cell.metadata = {"tags": tags} if tags else {}
        for output in cell.get("outputs", ()):
            if "text/html" in output.get("data", {}):  # a widget that also shows as it stands
                output.data.pop(WIDGET, None)
        kept.append(cell)
    notebook.cells = kept
    shown = [output.get("data", {}) for cell in kept for output in cell.get("outputs", ())]
    if not any(WIDGET in data for data in shown):
        notebook.metadata.pop("widgets", None)
    return notebook


def _said(notebook: Path) -> tuple[str, str]:
    """Find a notebook's first heading, and what its cell tagged as the finding printed."""
    import nbformat

    cells = nbformat.read(notebook, as_version=4).cells
    heads = [c.source.splitlines()[0] for c in cells if c.source.startswith("# ")]
    printed = [
        output.get("text", "")
        for cell in cells
        if FINDING in cell.metadata.get("tags", ())
        for output in cell.get("outputs", ())
    ]
    title = heads[0].removeprefix("# ").strip() if heads else notebook.stem
    return title, " ".join("".join(printed).split())


def _index(crm: CRM, span: Period, runs: list[Run], over: str) -> str:
    as_of = crm.as_of(span)
    headline, unsaid = _opening(words.headline(crm, period=span, as_of=as_of))
    pages = [
        (
            run.title,
            run.page.name if run.page else "",
            run.finding if run.ran else f"{run.notebook.name}, {run.error}",
            "ran" if run.ran else "failed",
        )
        for run in runs
    ]
    return report.index_page(
        title=over,
        headline=headline,
        lines=[
            *unsaid,
            *(say(crm, period=span, as_of=as_of) for say in (words.sources, words.at_risk)),
        ],
        facts=_facts(crm, span, as_of),
        pages=pages,
        foot=(
            f"{crm.quality} As of {as_of:%Y-%m-%d}; export of {crm.seen_until:%Y-%m-%d}; "
            f"enablement {enablement.__version__}."
        ),
    )


def _opening(headline: str) -> tuple[str, list[str]]:
    """Take the first answer of a headline, and what cannot be said; the rest stands below it."""
    said, _, unsaid = headline.partition(" Cannot be said: ")
    first = said.removesuffix(".").split("; ")[0]
    return f"{first}.", [f"Cannot be said: {unsaid}"] if unsaid else []


def _facts(crm: CRM, span: Period, as_of: object) -> list[tuple[str, str, str]]:
    """Choose the numbers that matter, a line of them; one that cannot be given is left out."""
    facts = []
    for say in (_attained, _coverage, _won, _stale, _created):
        try:
            fact = say(crm, span, as_of)
        except CannotSayError:
            continue
        if fact is not None:
            facts.append(fact)
    return facts[:MOST_FACTS]


def _attained(crm: CRM, span: Period, as_of: object) -> tuple[str, str, str] | None:
    row = pipeline.quota_attainment(crm, as_of=as_of, period=span).iloc[0]
    sold = words.money(row["sold"], definitions.currency(crm))
    if pd.isna(row["attainment"]):
        return "sold", sold, f"{int(row['won']):,} won"
    quota = words.money(row["quota"], definitions.currency(crm))
    return "attained", words.percent(row["attainment"]), f"{sold} of {quota}"


def _coverage(crm: CRM, span: Period, as_of: object) -> tuple[str, str, str] | None:
    due = words.due_period(crm, span, as_of)
    row = pipeline.pipeline_coverage(crm, as_of=as_of, period=due, past=0).iloc[0]
    if pd.isna(row["coverage"]):
        return None
    amount = words.money(row["amount"], definitions.currency(crm))
    remaining = words.money(row["remaining"], definitions.currency(crm))
    return f"coverage of {due}", f"{row['coverage']:.1f}", f"{amount} due, {remaining} to go"


def _created(crm: CRM, span: Period, as_of: object) -> tuple[str, str, str] | None:
    row = pipeline.pipeline_created(crm, as_of=as_of, period=span).iloc[0]
    worth = words.money(row["amount"], definitions.currency(crm))
    return "created", f"{int(row['created']):,}", f"worth {worth}"


def _won(crm: CRM, span: Period, as_of: object) -> tuple[str, str, str] | None:
    row = winloss.win_rate(crm, as_of=as_of, period=span).iloc[0]
    if pd.isna(row["rate"]):
        return None
    doubt = words.interval(row["low"], row["high"])
    decided = int(row["won"] + row["lost"])
    return "won of those decided", words.percent(row["rate"]), f"{doubt}, n = {decided:,}"


def _stale(crm: CRM, span: Period, as_of: object) -> tuple[str, str, str] | None:
    table = ageing.stale(crm, as_of=as_of)
    held, known = table[table["stale"].fillna(value=False)], int(table["stale"].notna().sum())
    if not known:
        return None
    if held["amount"].isna().all():
        return "too long in a stage", f"{len(held):,}", f"of {known:,} open"
    worth = words.money(held["amount"].sum(), table.attrs["currency"])
    return "too long in a stage", worth, f"{len(held):,} of {known:,} open"


def _failure(failure: papermill.PapermillExecutionError) -> str:
    return f"cell {failure.exec_count}: {failure.ename}: {_first_line(failure.evalue)}"


def _first_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[0] if lines else "no message"
