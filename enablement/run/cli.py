"""The command line: check an export, run a quarter, serve the dashboards."""

from __future__ import annotations

import contextlib
import functools
import io
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from enablement.errors import CannotSayError, EnablementError

# What a command line that does not fit is told by, however Typer carries its parser.
MISUSED: type[Exception] = typer.BadParameter.__mro__[1]


class Commands(TyperGroup):
    """The commands; what does not fit them is told in one line, as all that is wrong is."""

    def make_context(self, *given: Any, **named: Any) -> Any:
        """Read what stands before the command."""
        with _told():
            return super().make_context(*given, **named)

    def invoke(self, *given: Any, **named: Any) -> Any:
        """Read what stands behind it, and do it."""
        with _told():
            return super().invoke(*given, **named)


@contextlib.contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except MISUSED as error:
        if "NoArgsIsHelp" in type(error).__name__:  # nothing was asked for: the help is the answer
            raise
        context = getattr(error, "ctx", None)
        path = context.command_path if context else "enablement"
        reason = error.format_message().rstrip(".")  # type: ignore[attr-defined]
        _complain(f"{reason}{'' if reason.endswith('?') else '.'} See {path} --help.")
        raise typer.Exit(WRONG_INPUT) from None


app = typer.Typer(
    cls=Commands,
    help="From a CRM export to a learning plan for each rep, and back to a measured effect.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
snapshot = typer.Typer(
    help="Keep dated copies of an export; compared, they show the history.",
    no_args_is_help=True,
)
app.add_typer(snapshot, name="snapshot")
FolderOption = Annotated[
    Path | None,
    typer.Option(help="Folder of the export; without it, the one that the file lies in."),
]
SettingsOption = Annotated[
    Path | None,
    typer.Option("--settings", help="The settings; without it, settings.toml in the folder."),
]
WRONG_INPUT, OWN_FAULT = 2, 3
LONGEST, END = 1_500, 300  # letters of a complaint, and of its end where it is cut: the way out
DEBUG = "ENABLEMENT_DEBUG"


def _plainly(command: Callable[..., Any]) -> Callable[..., Any]:
    """End a command that cannot go on with one line instead of a traceback."""

    @functools.wraps(command)
    def guarded(*given: Any, **named: Any) -> Any:
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):  # what it cannot write becomes a question mark
                stream.reconfigure(errors="replace")
        try:
            return command(*given, **named)
        except EnablementError as error:
            _complain(str(error))
            raise typer.Exit(WRONG_INPUT) from None
        except typer.Exit:
            raise
        except OSError as error:
            where = f" ({error.filename})" if error.filename else ""
            _complain(f"{error.strerror or error}{where}")
            raise typer.Exit(WRONG_INPUT) from None
        except Exception as error:
            if os.environ.get(DEBUG):
                raise
            _complain(
                f"{type(error).__name__}: {error} This is a fault of the package; "
                f"{DEBUG}=1 in the environment shows where."
            )
            raise typer.Exit(OWN_FAULT) from None

    return guarded


def _complain(reason: str) -> None:
    line = " ".join(reason.split())
    if len(line) > LONGEST:
        line = f"{line[: LONGEST - END]} [...] {line[-END:]}"
    _console(stderr=True).print(f"[red]Error:[/red] {_literal(line)}", soft_wrap=True)


@app.command()
@_plainly
def check(
    folder: Annotated[Path, typer.Argument(help="Folder of one CRM export.")],
    settings: SettingsOption = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Write the rows set aside and the values not read, as .xlsx or .csv."),
    ] = None,
) -> None:
    """Say what arrived, what was set aside and why, and what cannot be said."""
    from enablement.read import findings
    from enablement.read.loading import load
    from enablement.run import listing, outputs
    from enablement.show import tables, words

    if out is not None:
        outputs.check(out, listing.KINDS)
    crm = load(folder.resolve(), settings.resolve() if settings else None)
    if out is not None:
        outputs.spare(out, _used(crm, folder))
    found = findings.examine(crm)
    for line in (crm.quality, f"{words.used(found)} {words.moved(found)}", words.attention(found)):
        _say(line)
    _print_table(tables.arrived(crm.quality), "What arrived")
    _print_table(tables.recognised(crm.quality), "How the files were recognised")
    _print_items(tables.rules(crm.quality, found), "What was done to the rows", "rule", "done")
    _print_items(tables.orders(found), "Impossible or doubtful, and used", "what", "is")
    _print_items(tables.leaning(found), "Missing for some rather than for others", "column", "by")
    _print_items(tables.filtered(found), "What the export seems to leave out", "it seems to have")
    _console().print()
    for line in (*words.unknown(found).splitlines(), *words.other_columns(crm).splitlines()):
        _say(line)
    for sentence in crm.quality.cannot_say:
        _say(f"Cannot be said. {sentence}")
    for sentence in found.reports:
        _say(f"To run. {sentence}")
    if out is not None:
        rows = words.counted(listing.write(crm.quality, out), "row", "rows")
        _say(f"Written: {_short(out.resolve())} ({rows}).")


@app.command()
@_plainly
def goal(
    folder: Annotated[
        Path | None,
        typer.Argument(help="Folder of one CRM export; without it, what the plan states."),
    ] = None,
    plan: Annotated[
        Path | None, typer.Option(help="The plan; without it, plan.toml in the folder.")
    ] = None,
    settings: SettingsOption = None,
    out: Annotated[
        Path | None, typer.Option(help="Write the worksheet with its formulas, as .xlsx.")
    ] = None,
) -> None:
    """Say what the goal asks, and write the worksheet that leads from it to each rep."""
    from enablement.plan import baseline, cascade
    from enablement.plan import goal as goals
    from enablement.read.loading import load
    from enablement.run import outputs
    from enablement.show import words, worksheet

    if out is not None:
        outputs.check(out, (".xlsx",))
    said = goals.goal((plan or folder or Path()).resolve())
    crm = load(folder.resolve(), settings.resolve() if settings else None) if folder else None
    if out is not None and crm is not None and folder is not None:
        outputs.spare(out, _used(crm, folder))
    told = words.baseline(baseline.baseline(crm, said)).splitlines()
    for sentence in told:
        _say(sentence)
    try:
        ground = cascade.grounded(crm, said)
    except CannotSayError as reason:
        if out is not None or said.goal.measure is None:
            raise
        _say(str(reason))
        return
    table = cascade.worksheet(ground)
    notes = [note for note in table.attrs["notes"] if note not in told]
    for sentence in (words.results_worksheet(table), *notes):
        _say(words.shortened(sentence, table))
    if out is not None:
        activity = cascade.activity_per_entry(crm, ground)
        book = worksheet.workbook(ground, table, activity=activity)
        outputs.write(out, lambda part: part.write_bytes(book))
        _say(f"Written: {_short(out.resolve())}.")


def _used(crm: Any, folder: Path) -> list[Path]:
    """List the files that an export was read from, its dated copies too."""
    files = crm.quality.files
    named = files.loc[files["table"].fillna("") != "", "file"]
    every = [*folder.iterdir(), *folder.glob("snapshots/*/*")]
    places = {path.relative_to(folder).as_posix(): path for path in every}
    return [
        path
        for place, path in places.items()
        if any(f"{name}, ".startswith(f"{place}, ") for name in named)
    ]


@snapshot.command("add")
@_plainly
def snapshot_add(
    file: Annotated[Path, typer.Argument(help="An export of opportunities, as the CRM gave it.")],
    taken: Annotated[
        str | None,
        typer.Option(help="Its day, such as 2026-09-30; without it, the date in the file's name."),
    ] = None,
    folder: FolderOption = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Put it in the place of one of that name and day.")
    ] = False,
) -> None:
    """Keep a dated copy of an export."""
    from enablement.read import snapshots

    keep = snapshots.replace if replace else snapshots.add
    kept = keep(file.resolve(), folder=_export_folder(folder, file.resolve().parent), taken=taken)
    where = _literal(_short(kept.path))
    said = {
        "kept": f"Kept: {where}",
        "replaced": f"Replaced: {where}",
        "unchanged": f"Nothing changed: {where} has the same content.",
    }
    _console().print(said[kept.done], soft_wrap=True)


@snapshot.command("list")
@_plainly
def snapshot_list(
    folder: Annotated[
        Path | None, typer.Option(help="Folder of the export; without it, the current one.")
    ] = None,
) -> None:
    """List the dated copies of an export."""
    from enablement.read import snapshots

    place = _export_folder(folder, Path.cwd())
    kept = snapshots.listed(place)
    if kept.empty:
        example = f"enablement snapshot add FILE --taken {snapshots.EXAMPLE}"
        _console().print(
            f"{_literal(_short(place))} has no snapshots. To keep one: {example}", soft_wrap=True
        )
        return
    shown = kept.assign(
        rows=[
            f"{rows:,}" if known else ""
            for rows, known in zip(kept["rows"], kept["rows"].notna(), strict=True)
        ],
        size=[_size(size) for size in kept["bytes"]],
    )
    _print_table(shown.drop(columns="bytes").set_index("day"), "Snapshots")


def _export_folder(said: Path | None, here: Path) -> Path:
    """Take the folder that was named, or the one at hand if it is one of an export."""
    from enablement.settings import FILE_NAME, root

    if said is not None:
        return said.resolve()
    exports = root() / "data" / "exports"
    if (here / FILE_NAME).is_file() or (here != exports and here.is_relative_to(exports)):
        return here
    inside = sorted(path for path in exports.glob("*/") if not path.name.startswith("."))
    known = ", ".join(_short(path) for path in inside) or "none in data/exports"
    raise EnablementError(
        f"{here} is no folder of an export. Say which one: --folder data/exports/NAME. "
        f"Known: {known}."
    )


def _size(size: float) -> str:
    for unit in ("bytes", "kB", "MB"):
        if size < 1000:
            return f"{size:.3g} {unit}"
        size /= 1000
    return f"{size:,.1f} GB"


@app.command()
@_plainly
def quarter(
    period: Annotated[str, typer.Argument(help="Such as 2026Q3.")],
    workspace: Annotated[
        Path | None, typer.Option(help="Folder of the export; without it, data/sample.")
    ] = None,
    settings: SettingsOption = None,
    out: Annotated[
        Path | None, typer.Option(help="Where the pages go; without it, data/out/PERIOD.")
    ] = None,
) -> None:
    """Run every notebook for a period, and write the pages and their index."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    from enablement.run import batch

    todo = batch.notebooks()
    console = _console()
    bars = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*bars, console=console, transient=True) as progress:
        task = progress.add_task(f"Running {period}", total=len(todo) + 1)
        done = batch.quarter(
            period,
            workspace=workspace.resolve() if workspace else "data/sample",
            settings=settings.resolve() if settings else None,
            out=out.resolve() if out else None,
            chosen=todo,
            progress=lambda step: progress.update(task, advance=1, description=f"Done: {step}"),
        )
    for run in done.runs:
        said = _literal(run.finding) if run.ran else f"[red]failed[/red] at {_literal(run.error)}"
        console.print(f"{run.notebook.name} ({run.seconds:.0f} s): {said}", soft_wrap=True)
    console.print(f"The report: {_literal(_short(done.index))}", soft_wrap=True)
    if done.failed:
        raise typer.Exit(1)


@app.command()
@_plainly
def dashboards(
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port on this machine.")] = 8866,
    open_browser: Annotated[bool, typer.Option(help="Open the list of pages.")] = False,
) -> None:
    """Serve the dashboards with Voila, on this machine only."""
    from enablement.run import dashboards as pages
    from enablement.settings import root

    folder = root() / "notebooks" / "dashboards"
    if not folder.is_dir():
        raise EnablementError(f"There are no dashboards in {folder}.")
    _console().print(f"Dashboards at http://localhost:{port} (Ctrl+C stops them)")
    pages.serve(folder, port=port, open_browser=open_browser)


@app.command()
@_plainly
def sample(
    folder: Annotated[
        Path | None, typer.Argument(help="Where it goes; without it, data/sample.")
    ] = None,
) -> None:
    """Write the invented company again, byte for byte."""
    from enablement import world
    from enablement.settings import root

    place = folder.resolve() if folder else root() / "data" / "sample"
    if folder is None:
        world.sample(place)
    else:
        _beside(place, world.sample)
    _console().print(f"Written: {_literal(_short(place))}", soft_wrap=True)


def _beside(place: Path, make: Callable[[Path], list[Path]]) -> None:
    """Put files into a folder of the user's, over none that says something else."""
    import shutil
    import tempfile

    with tempfile.TemporaryDirectory(prefix="enablement-") as fresh:
        for path in make(Path(fresh)):
            there = place / path.relative_to(fresh)
            if there.exists() and not (there.is_file() and there.read_bytes() == path.read_bytes()):
                raise EnablementError(
                    f"{there} is there already, with other content. Name an empty folder."
                )
        shutil.copytree(fresh, place, dirs_exist_ok=True)


@app.command()
@_plainly
def notebooks() -> None:
    """Run every stored notebook again on the sample, and store what it says."""
    from enablement.run import batch
    from enablement.settings import root

    for path in [*batch.notebooks(), *sorted((root() / "notebooks/dashboards").glob("*.ipynb"))]:
        batch.store(path)
        _console().print(f"Stored: {_literal(_short(path))}", soft_wrap=True)


def _console(*, stderr: bool = False) -> Any:
    from rich.console import Console

    return Console(stderr=stderr, highlight=False, emoji=False)


def _say(line: object) -> None:
    """Print a sentence whole, wrapped between words."""
    _console().print(_literal(line))


def _literal(text: object) -> str:
    """Keep what the data hold from steering the terminal or being read as markup."""
    from rich.markup import escape

    return escape(_printable(text))


def _printable(text: object) -> str:
    """Write what cannot be printed, such as an escape, by its code."""
    return "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in str(text))


def _short(path: Path) -> str:
    """Name a path as the reader would type it here."""
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)


def _print_table(frame: Any, title: str) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    shown = frame.reset_index(names=frame.columns.name)
    for column in shown.columns:
        right = column in ("rows in", "used", "set aside", "rows", "line", "size")
        table.add_column(_literal(column), justify="right" if right else "left", overflow="fold")
    for row in shown.itertuples(index=False):
        table.add_row(*(Text(_printable(value)) for value in row))
    _console().print()
    _console().print(table)


def _print_items(frame: Any, title: str, name: str, kind: str | None = None) -> None:
    """Print each row as a line and, below it, what would be too wide beside it."""
    from rich.padding import Padding

    if not len(frame):
        return
    console = _console()
    console.print(f"\n[italic]{title}[/italic]")
    for row in frame.reset_index(names=frame.columns.name).to_dict("records"):
        count = row.pop("rows", "")
        rows = f"{count} {'row' if count == '1' else 'rows'}: " if count else ""
        said = f" ({_literal(row.pop(kind))})" if kind else ""
        console.print(f"• {rows}{_literal(row.pop(name))}{said}")
        for label, value in row.items():
            if value not in ("", "–"):
                text = f"{label[0].upper()}{label[1:]}: {_literal(value)}"
                console.print(Padding(text, (0, 0, 0, 2)))
