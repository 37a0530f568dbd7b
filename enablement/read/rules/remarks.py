"""What is told of the data once they are read: what cannot be so, and what they cannot answer."""

from __future__ import annotations

import datetime as dt

import pandas as pd

from enablement.read.findings.orders import named, orders_in
from enablement.read.rules.desk import Desk


def orders(desk: Desk, reps: pd.DataFrame, last_seen: dt.date | None) -> None:
    """Keep what cannot be so, with the file and the line of the first rows."""
    export = desk.said.exported_on or last_seen
    found = orders_in(desk.store, reps, settings=desk.said, export=export)
    places = pd.Series(index=found.index, dtype="str")
    for file, rows in found.groupby("file")["row"]:
        source = desk.sources[int(str(file))]
        lines = rows.map(source.lines(set(rows.astype(int)))).dropna()
        places.update(f"{source.file}, line " + lines.astype(int).astype("str"))
    desk.ledger.orders(named(found, places))


def what_cannot_be_said(desk: Desk, *, history: bool, owners: bool) -> None:
    """Name what these data cannot answer, and what would answer it.

    Parameters
    ----------
    history, owners : whether the export has a history of stages, and of owners
    """
    if not history:
        _without_history(desk)
    if not owners:
        why = (
            f"The history of owners is left out, as {desk.said.origin} says"
            if desk.said.rule("owner_changes") == "ignored"
            else "The export has no history of owners"
        )
        desk.ledger.cannot(f"{why}: every stage is credited to the current owner.")
    _without_values(desk)


def _without_history(desk: Desk) -> None:
    """Name the stages of which nobody knows when they were entered."""
    dated = desk.store.query(
        "select distinct stage from steps join spots using (code) where origin = 'stage dates'"
    )["stage"]
    unseen = [stage for stage in desk.said.stages if stage not in set(dated)]
    if unseen:
        desk.ledger.cannot(
            f"The export has no stage history: who entered {_listed(unseen)}, and when, "
            "is not known. So time in stage and conversion there cannot be said, nor "
            "what was open at an earlier date."
        )


def _without_values(desk: Desk) -> None:
    """Name the columns of the opportunities without which some questions have no answer."""
    known = desk.store.one(
        "select count(*) as n, count(created_at) as created, count(amount) as amount "
        "from opportunities"
    )
    if not known["n"]:
        desk.ledger.cannot(
            "No opportunity is used, every row of them is set aside: there is nothing to count."
        )
        return
    if not known["created"]:
        desk.ledger.cannot(
            "The export has no created date: what was created in a period cannot be said."
        )
    if not known["amount"]:
        desk.ledger.cannot("The export has no amounts: nothing can be said in money.")


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
