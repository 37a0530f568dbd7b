"""What is missing, and whether it is missing for some rather than for others."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from enablement.read import engine
from enablement.settings import Settings

LARGE = 0.25  # difference of the shares that are missing
SURE = 0.01  # Benjamini and Hochberg's q, over all columns and comparisons
FEWEST = 20  # rows with and without a value, and rows of each side of a comparison
MOST_NAMES = 3
WIDTH = 200  # columns that are asked about at once
# Columns that only some outcomes can have. Among the others they are missing by nature.
BY_NATURE: dict[str, tuple[str, ...]] = {
    "closed_at": ("won", "lost", "cancelled"),
    "loss_reason": ("lost",),
    "lost_at": ("lost",),
    "won_at": ("won",),
    **dict.fromkeys(("expected_close", "next_step", "forecast_category", "probability"), ("open",)),
}
# Words of a header by which a column belongs to an outcome, as in "Closed Won Reason".
WON_WORDS = ("won", "win", "gewonnen", "gagné", "gagnée", "ganado", "ganada")
LOST_WORDS = ("lost", "loss", "verloren", "verlust", "perdu", "perdue", "perdido", "perdida")
# Ours to fill in, or the row itself: their being the same or missing says nothing of the export.
OURS = {"opportunity_id", "outcome", "pipeline", "currency", "file", "row", "line", "part"}
HERE = {"outcome": "{}", "type": "of type {}", "year": "created in {}", "rep": "of {}"}
AGAINST = {"type": "of other types", "year": "created in other years", "rep": "of the other reps"}
CONSEQUENCE = {
    "outcome": "to compare the rows that have it is to compare outcomes",
    "type": "what is said by it is said of some types only",
    "year": "a trend by it is a trend in how it is filled in",
    "rep": "it says who fills it in",
}
LEANING_COLUMNS = [
    *("columns", "by", "member", "against", "missing", "of", "missing_elsewhere"),
    *("of_elsewhere", "difference", "p", "q", "sentence"),
]


def leaning(
    opportunities: pd.DataFrame, *, settings: Settings, names: Mapping[str, str] | None = None
) -> pd.DataFrame:
    """Columns that are missing for some opportunities rather than for others.

    Every column, of the schema and of the file, is compared four ways: won with lost (with
    open, where nothing is lost), each type, each year of creation and each rep with all
    others. A comparison is called out where it is both large, the shares that are missing
    differ by 25 points or more, and beyond chance: Fisher's exact test (twice the smaller
    tail), times the members compared, and Benjamini and Hochberg's q over all columns and
    comparisons at most 1 %. At least 20 rows must have the column, 20 lack it, and 20 stand
    on each side.

    What is so by nature is left out: the close date of open ones, the loss reason of those
    won, a next step of those closed (`BY_NATURE`); columns whose header names an outcome or
    a stage, such as ``Closed Won Reason`` or ``Date entered Proposal``.

    Parameters
    ----------
    opportunities : as `enablement.load` gives them
    settings : for the names of stages and outcomes
    names : rep_id -> name

    Returns
    -------
    pandas.DataFrame
        One row per column (or columns that are missing in the very same rows) and
        comparison, the largest first::

            columns       text   the column, or the columns that are missing together
            by            text   outcome, type, year or rep
            member        text   such as won, renewal, 2024, or a rep_id
            against       text   such as lost, or "of other types"
            missing, of   int    rows of the member without a value, and all its rows
            missing_elsewhere, of_elsewhere  int  the same of those it is compared with
            difference    float  missing / of - missing_elsewhere / of_elsewhere
            p, q          float
            sentence      text   the same in words, with the counts
    """
    columns = [name for name in opportunities if name not in OURS]
    placed = _by_place(opportunities, columns)
    counted = _asked("missing", placed, len(columns))
    compared = _compared(counted, columns, settings)
    together = _together(placed, columns, compared["column"].unique())
    compared = compared[compared["column"].isin(together)]
    tested = _tested(compared)
    found = tested[(tested["difference"].abs() >= LARGE) & (tested["q"] <= SURE)]
    found = found.assign(
        columns=[_listed(together[name]) for name in found["column"]],
        sentence=[
            _sentence(row, together[row["column"]], names or {}) for row in found.to_dict("records")
        ],
    )
    order = found["difference"].abs().sort_values(ascending=False, kind="stable").index
    return found.loc[order, LEANING_COLUMNS].reset_index(drop=True)


def empty(opportunities: pd.DataFrame) -> list[str]:
    """Name the columns without any value (or that the export does not have)."""
    absent = opportunities.isna().all()
    return [name for name in opportunities if name not in OURS and absent[name]]


def constant(opportunities: pd.DataFrame) -> dict[str, str]:
    """Find the columns that say the same in every row, and what; a single row says nothing.

    Columns that outcomes or stages fill by nature are left out where they are missing.
    """
    columns = [name for name in opportunities if name not in OURS]
    if len(opportunities) < 2 or not columns:
        return {}
    placed = _by_place(opportunities, columns)
    only = _asked("constant", placed, len(columns)).iloc[0]
    full = opportunities[columns].notna().all()
    return {
        name: str(only[f"only_c{at}"])
        for at, name in enumerate(columns)
        if full[name] and pd.notna(only[f"only_c{at}"])
    }


def _by_place(opportunities: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
    """Call the columns c0 and so on: SQL does not tell upper from lower case."""
    placed = opportunities[columns].set_axis([f"c{at}" for at in range(len(columns))], axis=1)
    year = opportunities["created_at"].dt.year.astype("Int64").astype("str")
    return placed.assign(
        outcome=opportunities["outcome"],
        type=opportunities["type"].astype("str"),
        year=year,
        rep_id=opportunities["rep_id"].astype("str"),
    )


def _asked(text: str, placed: pd.DataFrame, columns: int) -> pd.DataFrame:
    """Ask some columns at a time: what a text of a thousand takes grows with their square."""
    others = placed.columns[columns:]
    parts = [
        engine.query(
            engine.text("read", text),
            {"columns_by_place": placed[[*placed.columns[at : min(at + WIDTH, columns)], *others]]},
        )
        for at in range(0, columns, WIDTH)
    ]
    found = pd.concat(parts, axis=1)
    return found.loc[:, ~found.columns.duplicated()]


def _compared(counted: pd.DataFrame, columns: list[str], settings: Settings) -> pd.DataFrame:
    """Bring the counts into rows of column, comparison and member, by nature's outcomes only."""
    long = counted.melt(
        id_vars=["dimension", "outcome", "member", "rows"],
        value_vars=[f"filled_c{at}" for at in range(len(columns))],
        value_name="filled",
    )
    at = long["variable"].str.removeprefix("filled_c").astype(int)
    long["column"] = at.map(dict(enumerate(columns)))
    pairs = [(name, outcome) for name in columns for outcome in _outcomes(name, settings)]
    long = long.merge(pd.DataFrame(pairs, columns=["column", "outcome"]))
    by_outcome = long["dimension"].eq("outcome")
    long = long.assign(member=long["member"].mask(by_outcome, long["outcome"]))
    long = long[long["member"].notna() & ~_itself(long)]
    summed = long.groupby(["column", "dimension", "member"], sort=False)[["rows", "filled"]].sum()
    return _decided(summed.reset_index())


def _itself(long: pd.DataFrame) -> pd.Series:
    """Find the comparisons of a column with itself, such as the missing types by type."""
    own = {"type": "type", "year": "created_at", "rep": "rep_id"}
    return long["dimension"].map(own).eq(long["column"])


def _outcomes(column: str, settings: Settings) -> tuple[str, ...]:
    """Name the outcomes whose rows can have the column; none where nature alone decides."""
    every = ("won", "lost", "cancelled", "open")
    if column in BY_NATURE:
        return BY_NATURE[column]
    if column in settings.stage_dates.values():
        return ()
    header = _words(column)
    words = set(header.split())
    for outcome, said in (("won", WON_WORDS), ("lost", LOST_WORDS)):
        if words & set(said):
            return (outcome,)
    named = any(f" {_words(stage)} " in f" {header} " for stage in settings.known_stages)
    return () if named else every


def _words(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.casefold())) or text


def _decided(summed: pd.DataFrame) -> pd.DataFrame:
    """Compare won with lost, and with the open ones only where nothing else can be compared."""
    outcome = summed["dimension"].eq("outcome")
    rows = summed[outcome].drop_duplicates("member").set_index("member")["rows"]
    both = min(rows.get("won", 0), rows.get("lost", 0)) >= FEWEST
    kept = ("won", "lost") if both else ("won", "open") if "won" in rows else ("lost", "open")
    return summed[~outcome | summed["member"].isin(kept)]


def _together(
    placed: pd.DataFrame, columns: list[str], compared: np.ndarray
) -> dict[str, list[str]]:
    """Find the columns that are missing in the very same rows: the first of them -> all."""
    marks = _asked("same_rows", placed, len(columns)).iloc[0]
    groups: dict[object, list[str]] = {}
    asked = set(compared)
    for at, name in enumerate(columns):
        if name in asked and pd.notna(marks[f"mark_c{at}"]):
            natural = name in BY_NATURE and name
            groups.setdefault((marks[f"mark_c{at}"], natural), []).append(name)
    return {names[0]: names for names in groups.values()}


def _tested(compared: pd.DataFrame) -> pd.DataFrame:
    """Test each member against all others, and keep the clearest of each comparison."""
    keys = ["column", "dimension"]
    groups = compared.groupby(keys, sort=False)
    table = compared.assign(
        missing=compared["rows"] - compared["filled"],
        all_rows=groups["rows"].transform("sum"),
        members=groups["member"].transform("size"),
    )
    table["all_missing"] = table.groupby(keys, sort=False)["missing"].transform("sum")
    table = table.assign(
        of=table["rows"],
        of_elsewhere=table["all_rows"] - table["rows"],
        missing_elsewhere=table["all_missing"] - table["missing"],
    )
    table = table[
        (table[["of", "of_elsewhere", "all_missing"]] >= FEWEST).all(axis=1)
        & (table["all_rows"] - table["all_missing"] >= FEWEST)
    ]
    share, elsewhere = (
        table["missing"] / table["of"],
        table["missing_elsewhere"] / table["of_elsewhere"],
    )
    table = table.assign(
        by=table["dimension"], difference=share - elsewhere, p=_exact(table) * table["members"]
    )
    table = table.assign(p=table["p"].clip(upper=1.0), against=_against(compared, table))
    # Of two outcomes the one that lacks it is named first.
    table = table.sort_values(["p", "difference"], ascending=[True, False], kind="stable")
    clearest = table.drop_duplicates(keys)
    return clearest.assign(q=_q(clearest["p"].to_numpy(dtype=float)))


def _against(compared: pd.DataFrame, table: pd.DataFrame) -> pd.Series:
    """Name what a member is compared with: the other outcome, or all others."""
    outcomes = list(compared.loc[compared["dimension"].eq("outcome"), "member"].unique())
    other = {name: next((o for o in outcomes if o != name), "") for name in outcomes}
    return table["dimension"].map(AGAINST).fillna(table["member"].map(other))


def _exact(table: pd.DataFrame) -> np.ndarray:
    """Fisher's exact test of each row, two-sided as twice the smaller tail.

    Of `all_rows`, `all_missing` lack the value; a member has `of` of the rows.
    """
    from scipy.stats import hypergeom

    k, n = table["missing"].to_numpy(), table["of"].to_numpy()
    whole, lacking = table["all_rows"].to_numpy(), table["all_missing"].to_numpy()
    below = hypergeom.cdf(k, whole, lacking, n)
    above = hypergeom.sf(k - 1, whole, lacking, n)
    return np.minimum(1.0, 2.0 * np.minimum(below, above))


def _q(p: np.ndarray) -> np.ndarray:
    """Benjamini and Hochberg's q-values."""
    if len(p) == 0:
        return p
    order = np.argsort(p, kind="stable")
    scaled = p[order] * len(p) / np.arange(1, len(p) + 1)
    q = np.empty(len(p))
    q[order] = np.minimum(1.0, np.minimum.accumulate(scaled[::-1])[::-1])
    return q


def _listed(names: list[str]) -> str:
    """Name a few columns, and count the others."""
    if len(names) > MOST_NAMES + 1:
        return f"{', '.join(names[:MOST_NAMES])} and {len(names) - MOST_NAMES} more"
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _sentence(row: Mapping[str, Any], columns: list[str], names: Mapping[str, str]) -> str:
    """Say where a column is missing and where it is not, and what that does to a comparison."""
    verb = "is missing" if len(columns) == 1 else "are missing together"
    here = HERE[row["by"]].format(names.get(row["member"], row["member"]))
    return (
        f"{_listed(columns)} {verb} in {row['missing']:,} of {row['of']:,} {here} and in "
        f"{row['missing_elsewhere']:,} of {row['of_elsewhere']:,} {row['against']}: "
        f"{CONSEQUENCE[row['by']]}."
    )
