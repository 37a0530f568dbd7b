"""Tables for reading: the same numbers as text, under plain headings."""

from __future__ import annotations

import functools
import html

import pandas as pd

from enablement.measure.estimates import CONFIDENCE
from enablement.plan.goal import COUNTED
from enablement.read.findings import Findings
from enablement.read.quality import Quality
from enablement.show import theme, words
from enablement.show.worksheet.screen import results_worksheet as results_worksheet

MOST_ROWS = 20
MOST_EXAMPLES = 3
LONGEST_VALUE = 40


class Shown(pd.DataFrame):
    """A frame of texts that shows all of itself, and says in words that it has no rows."""

    @property
    def _constructor(self) -> type[Shown]:
        return Shown

    def __repr__(self) -> str:
        """Show every row and every letter."""
        return self.to_string() if len(self) else str(self.attrs.get("empty", ""))

    def _repr_html_(self) -> str:
        if len(self):
            with pd.option_context("display.max_colwidth", None):
                return theme.literal(self.to_html(border=0))
        return f"<p>{html.escape(str(self.attrs.get('empty', '')))}</p>"


def arrived(quality: Quality) -> Shown:
    """How many rows arrived, by table and file, and how many of them are used."""
    counts = quality.summary
    return _framed(
        {
            "table": counts["table"].replace("", "none"),
            "file": counts["file"],
            "rows in": counts["rows_in"].map("{:,}".format),
            "used": counts["used"].map("{:,}".format),
            "set aside": counts["set_aside"].map("{:,}".format),
        },
        empty="no file became a table",
    )


def recognised(quality: Quality) -> Shown:
    """How each file was recognised, and which belong to no table."""
    files = quality.files
    return _framed(
        {
            "file": files["file"],
            "became": files["table"].fillna("not used"),
            "because": files["why"],
        },
        empty="there are no files",
    )


def set_aside(quality: Quality) -> Shown:
    """Rows that are not used, by file and line, with the reason; at most twenty."""
    aside = quality.set_aside.head(MOST_ROWS)
    return _framed(
        {
            "file": aside["file"],
            "line": aside["line"].astype("str"),
            "column": aside["column"].fillna("–"),
            "value": aside["value"].fillna("–"),
            "why": aside["reason"],
        },
        empty="no row was set aside",
    )


def changed(quality: Quality) -> Shown:
    """What was changed or flagged in rows that are used, and in how many."""
    notes = quality.notes
    return _framed(
        {
            "table": notes["table"],
            "file": notes["file"],
            "what": notes["note"],
            "rows": notes["rows"].map("{:,}".format),
        },
        empty="nothing was changed",
    )


def rules(quality: Quality, findings: Findings) -> Shown:
    """What was done to how many rows, rule by rule, and what the headline would be without it."""
    done = pd.concat([_rules_aside(quality), _rules_changed(quality)], ignore_index=True)
    how = done["rule"].str.contains(" read as: ", regex=False)  # no defect: these come last
    done = done.assign(how=how).sort_values(["how", "rows"], ascending=[True, False], kind="stable")
    return _framed(
        {
            "table": done["table"],
            "rule": done["rule"],
            "done": done["done"],
            "rows": done["rows"].map("{:,}".format),
            "without it": [
                words.effects(rule, findings, table=table)
                for table, rule in zip(done["table"], done["rule"], strict=True)
            ],
            "where": done["where"],
        },
        empty="every row was used as it came",
    )


def _rules_aside(quality: Quality) -> pd.DataFrame:
    """Count the rows that were set aside by table and rule, with the place of a few."""
    aside = quality.set_aside
    rule = aside["rule"].fillna(aside["reason"]) if "rule" in aside else aside["reason"]
    aside = aside.assign(rule=rule)
    keys = ["table", "rule"]
    first = aside.groupby(keys, sort=False).head(MOST_EXAMPLES)
    first = first.assign(where=_places(first))
    told = first.groupby(keys, sort=False)["where"].agg("; ".join)
    rows = aside.groupby(keys, sort=False).size()
    return pd.DataFrame({"rows": rows, "where": told, "done": "set aside"}).reset_index()


def _rules_changed(quality: Quality) -> pd.DataFrame:
    """Count the rows that were changed or flagged by table and rule, with their files."""
    notes = quality.notes.rename(columns={"note": "rule"})
    keys = ["table", "rule"]
    rows = notes.groupby(keys, sort=False)["rows"].sum()
    files = notes.groupby(keys, sort=False)["file"].agg(
        lambda names: ", ".join(filter(None, names))
    )
    return pd.DataFrame({"rows": rows, "where": files, "done": "used"}).reset_index()


def _places(aside: pd.DataFrame) -> list[str]:
    """Write file, line and value of rows, the value cut where it is long."""
    return [
        f"{file}, line {line}" + ("" if pd.isna(value) else f": {_cut(value)}")
        for file, line, value in zip(aside["file"], aside["line"], aside["value"], strict=True)
    ]


def _cut(value: object) -> str:
    text = str(value)
    return text if len(text) <= LONGEST_VALUE else f"{text[: LONGEST_VALUE - 1]}…"


def effects(findings: Findings) -> Shown:
    """What the headline numbers would be without each rule, with what they divide."""
    table = findings.effects
    return _framed(
        {
            "rule": table["rule"],
            "rows": table["rows"].map("{:,}".format),
            "unknown": table["unknown"].map("{:,}".format),
            "number": table["measure"],
            "used": [_number(row, "used") for _, row in table.iterrows()],
            "without the rule": [_number(row, "otherwise") for _, row in table.iterrows()],
        },
        empty="no rule touched an opportunity, so the headline is what it is",
    )


def _number(row: pd.Series, which: str) -> str:
    """Write a number with what it divides, or why it cannot be said."""
    value, of = row[which], row[f"{which}_of"]
    if pd.isna(value):
        return row["why"] or "–"
    if row["measure"] == "median days to win":
        return f"{value:,.0f} days of {of:,.0f} won"
    return f"{100 * value:.1f} % = {row[f'{which}_won']:,.0f} / {of:,.0f}"


def filtered(findings: Findings) -> Shown:
    """What the export seems to leave out, by what signs, and what cannot be said then."""
    table = findings.filtered
    return _framed(
        {
            "it seems to have": table["finding"],
            "because": table["evidence"],
            "so": table["consequence"],
        },
        empty="nothing shows that the export was filtered",
    )


def leaning(findings: Findings) -> Shown:
    """Which columns are missing for some opportunities rather than for others."""
    table = findings.leaning
    return _framed(
        {"column": table["columns"], "by": table["by"], "what leans": table["sentence"]},
        empty="no column is missing for some rather than for others",
    )


def orders(findings: Findings) -> Shown:
    """Rows that cannot be so, or hardly, with examples."""
    table = findings.orders
    return _framed(
        {
            "what": table["rule"],
            "is": table["kind"],
            "rows": table["rows"].map("{:,}".format),
            "without them": [words.effects(rule, findings) for rule in table["rule"]],
            "so": table["consequence"],
            "examples": table["examples"],
        },
        empty="no order, sign or date is impossible",
    )


def conversion(table: pd.DataFrame) -> Shown:
    """A conversion table, a row per stage, with its counts and interval.

    Open are those still there or back at an earlier stage, as in the chart.
    """
    shown = table.assign(open=table["open"] + table["back"])
    counts = {c: shown[c].map(_count) for c in ("entered", "moved_on", "lost", "open")}
    return _framed(
        {
            **_groups(table),
            "stage": table["stage"].astype("str"),
            "entered": counts["entered"],
            "moved on": counts["moved_on"],
            "rate": _rates(table),
            f"{words.percent(table.attrs['confidence'])} interval": _intervals(table),
            "lost": counts["lost"],
            "open": counts["open"],
        },
        empty="no opportunity entered a stage",
    )


def win_rate(table: pd.DataFrame) -> Shown:
    """A table of win rates, a row per group, with its counts and interval."""
    return _framed(
        {
            **_groups(table),
            "won": table["won"].map(_count),
            "lost": table["lost"].map(_count),
            "rate": _rates(table),
            f"{words.percent(table.attrs['confidence'])} interval": _intervals(table),
        },
        empty="nothing was decided",
    )


def compare_reps(table: pd.DataFrame) -> Shown:
    """Reps beside each other: raw and shrunk, against chance, and at equal mix where asked."""
    level = words.percent(table.attrs["confidence"])
    shown = {
        **_groups(table),
        "won": [
            f"{won:,.0f} of {decided:,.0f}"
            for won, decided in zip(table["won"], table["decided"], strict=True)
        ],
        "rate": table["rate"].map(words.percent),
        f"shrunk ({level})": _estimated(table, "shrunk"),
        "limits": table["outside"].replace("none", "within").fillna("–"),
    }
    if table.attrs["ranked"]:
        ranks = zip(table["rank_low"], table["rank_high"], strict=True)
        shown["rank"] = ["–" if pd.isna(a) else f"{a:.0f} to {b:.0f}" for a, b in ranks]
    if table.attrs["mix"]:
        shown["at equal mix"] = _estimated(table, "adjusted")
    return _framed(shown, empty="nothing was decided")


def quota_attainment(table: pd.DataFrame) -> Shown:
    """What was sold of which quota, a row per group."""
    currency = table.attrs["currency"]
    return _framed(
        {
            **(_groups(table) or {"": ["All"] * len(table)}),
            "won": table["won"].map(_count),
            "sold": words.amounts(table["sold"], currency),
            "quota": words.amounts(table["quota"], currency),
            "attained": table["attainment"].map(words.percent),
            "reps at quota": [
                f"{at:,.0f} of {reps:,.0f}" if reps else "–"
                for at, reps in zip(table["at_quota"], table["reps"], strict=True)
            ],
        },
        empty="nothing was won and no quota is known",
    )


def pipeline_coverage(table: pd.DataFrame) -> Shown:
    """What is open and due for what is still to be sold, a row per group."""
    currency = table.attrs["currency"]
    return _framed(
        {
            **(_groups(table) or {"": ["All"] * len(table)}),
            "open": table["open"].map(_count),
            "open and due": words.amounts(table["amount"], currency),
            "still to be sold": words.amounts(table["remaining"], currency),
            "coverage": ["–" if pd.isna(times) else f"{times:.1f}" for times in table["coverage"]],
        },
        empty="nothing is due and no quota is known",
    )


def stale(table: pd.DataFrame) -> Shown:
    """The open opportunities that have been in their stage for too long; at most twenty."""
    late = table[table["stale"].fillna(value=False)].head(MOST_ROWS)
    return _framed(
        {
            "opportunity": late["opportunity_id"].astype("str"),
            "rep": words.names(late["rep_id"], table.attrs["labels"]),
            "stage": late["stage"].astype("str"),
            "days there": late["days"].map(_count),
            "half leave within": late["median"].map(words.whole),
            "amount": words.amounts(late["amount"], table.attrs["currency"]),
        },
        empty="no open opportunity is known to be stale",
    )


def reward(table: pd.DataFrame) -> Shown:
    """What must hold for the team's reward, and what it is shared out by; names no rep."""
    told = table.attrs
    rows = [
        (told["metric"], told["total"], told["threshold"], told["reached"], ""),
        *((g["gate"], g["value"], g["least"], g["holds"], g["says"]) for g in told["gates"]),
    ]
    write = [lambda n: words.figure(n, table), *[words.percent] * len(told["gates"])]
    return _framed(
        {
            "for the reward": [name.replace("_", " ") for name, *_ in rows],
            "is": [say(row[1]) for say, row in zip(write, rows, strict=True)],
            "must be": [say(row[2]) for say, row in zip(write, rows, strict=True)],
            "holds": [{True: "yes", False: "no"}.get(row[3], row[4]) for row in rows],
        },
        empty="the plan has no reward",
    )


def reward_rules(table: pd.DataFrame) -> Shown:
    """What each rule would do with the pool had one rep brought the whole target."""
    carried, currency = table.attrs["carried"], table.attrs["currency"]
    return _framed(
        {
            "had one rep brought it all": [
                rule + (" (the plan's)" if rule == table.attrs["rule"] else "") for rule in carried
            ],
            "that one": words.amounts(_of(carried, "carrier"), currency),
            "each other, at least": words.amounts(_of(carried, "others").map(min), currency),
            "paid to nobody": words.amounts(_of(carried, "left"), currency),
        },
        empty="there is one rep only",
    )


def _of(carried: dict[str, dict[str, object]], what: str) -> pd.Series:
    return pd.Series([found[what] for found in carried.values()], dtype=object)


def baseline(table: pd.DataFrame) -> Shown:
    """What is sold, expected and to be reached, for all and per rep."""
    if "measure" in table.attrs:
        return _measured(table)
    told: dict[str, object] = {
        "": [str(name).capitalize() for name in table.index],
        "in twelve months": [words.figure(value, table) for value in table["total"]],
        "per rep": [words.figure(value, table) for value in table["per_rep"]],
        "per rep and month": [words.figure(value, table) for value in table["per_rep_month"]],
    }
    if table["units_per_rep_month"].notna().any() and table.attrs["metric"] not in COUNTED:
        told["units a month"] = [_short(value) for value in table["units_per_rep_month"]]
        told["short of the target"] = [_short(value) for value in table["short_units"]]
    return _framed(told, empty="nothing is known of the baseline")


def _measured(table: pd.DataFrame) -> Shown:
    """What a measure is, what is expected of it and what it is to be."""
    level = words.percent(CONFIDENCE)
    written = functools.partial(words.figure, table=table)
    told: dict[str, object] = {
        "": [str(name).capitalize() for name in table.index],
        f"{table.attrs['metric']} ({level})": _doubted(table, ("total", "low", "high"), written),
    }
    if table["count"].notna().any():
        told[table.attrs["of"]] = table["count"].map(words.whole)
    if table["per_rep"].notna().any():
        told["per rep"] = table["per_rep"].map(written)
        told["per rep and month"] = table["per_rep_month"].map(written)
    return _framed(told, empty="nothing is known of the baseline")


def _short(number: float) -> str:
    """Write a number of units: a tenth counts where there are few."""
    return "–" if pd.isna(number) else f"{number:,.{1 if abs(number) < 100 else 0}f}"


def stage_gap(table: pd.DataFrame) -> Shown:
    """What moves on from each stage, what should, and what the gap costs."""
    level = words.percent(table.attrs["confidence"])
    doubt = f" ({level})" if table["rate_low"].notna().any() else ""
    money = functools.partial(words.figure, table=table)
    shown: dict[str, object] = {
        **_groups(table),
        "stage": table["stage"].astype("str"),
        f"moves on{doubt}": _doubted(table, ("rate", "rate_low", "rate_high"), words.percent),
        "should": table["benchmark"].map(words.percent),
        "needed": table["needed_together"].map(words.percent),
        f"costs{doubt}": _doubted(table, ("cost", "low", "high"), money),
    }
    if table.attrs["metric"] not in COUNTED:
        shown[table.attrs["unit"]] = table["units"].map(words.whole)
    shown["worst"] = table["probability_worst"].map(words.chance)
    return _framed(shown, empty="there is no stage")


def _doubted(table: pd.DataFrame, names: tuple[str, str, str], written: words.Written) -> list[str]:
    """Write a number with its interval, such as ``75 % (73 to 78 %)``."""
    return [
        written(value)
        if pd.isna(low)
        else f"{written(value)} ({written(low).removesuffix(' %')} to {written(high)})"
        for value, low, high in table[list(names)].itertuples(index=False)
    ]


def what_if(table: pd.DataFrame) -> Shown:
    """What moves on, comes and is needed at each stage, as asked."""
    changed = table["rate"].ne(table["present"]) & table["rate"].notna()
    return _framed(
        {
            "stage": table["stage"].astype("str"),
            "moves on": [
                f"{words.percent(rate)} (today {words.percent(now)})"
                if other
                else words.percent(rate)
                for rate, now, other in zip(table["rate"], table["present"], changed, strict=True)
            ],
            "comes": table["comes"].map(words.whole),
            "needed": table["needed"].map(words.whole),
            "short": [words.whole(n) if n >= 0.5 else "–" for n in table["short"]],
        },
        empty="there is no stage",
    )


def levers(table: pd.DataFrame) -> Shown:
    """Where each lever is, where it must be, what the best quarter of the reps has and brings."""
    rows = [row for _, row in table.iterrows()]
    return _framed(
        {
            "lever": [words.lever(row) for row in rows],
            "today": [words.of_lever(row, "present", table) for row in rows],
            "must be": [words.of_lever(row, "needed", table) for row in rows],
            "best quarter": [words.of_lever(row, "best", table) for row in rows],
            "alone brings": [
                words.figure(row["gain"], table) if row["gain"] > 0.5 else "–" for row in rows
            ],
        },
        empty="there is no lever",
    )


def goal_chance(table: pd.DataFrame) -> Shown:
    """How likely each quarter of the goal is, and the whole of it."""
    level = words.percent(table.attrs["confidence"])
    money = functools.partial(words.figure, table=table)
    return _framed(
        {
            "": [*table["period"].iloc[:-1], "all twelve months"],
            "target": [words.figure(value, table) for value in table["target"]],
            f"comes ({level})": _doubted(table, ("expected", "low", "high"), money),
            "chance": table["probability"].map(words.chance),
        },
        empty="there is no goal",
    )


def _estimated(table: pd.DataFrame, name: str) -> list[str]:
    """Write an estimate with its interval, such as ``28 % (23 to 33 %)``."""
    rows = zip(table[name], table[f"{name}_low"], table[f"{name}_high"], strict=True)
    return [
        "–" if pd.isna(rate) else f"{words.sure(rate, low, high)} ({words.interval(low, high)})"
        for rate, low, high in rows
    ]


def _groups(table: pd.DataFrame) -> dict[str, pd.Series]:
    labels = table.attrs["labels"]
    return {
        column.removesuffix("_id"): words.names(table[column], labels)
        for column in table.attrs["groups"]
    }


def _rates(table: pd.DataFrame) -> list[str]:
    rows = zip(table["rate"], table["low"], table["high"], strict=True)
    return [words.sure(rate, low, high) for rate, low, high in rows]


def _intervals(table: pd.DataFrame) -> list[str]:
    return [
        words.interval(low, high) for low, high in zip(table["low"], table["high"], strict=True)
    ]


def _count(number: float) -> str:
    return "–" if pd.isna(number) else f"{int(number):,}"


def _framed(columns: dict[str, object], *, empty: str) -> Shown:
    """Make the frame that is shown: its first column stands where an index would."""
    frame = pd.DataFrame(columns)
    first = str(frame.columns[0])
    frame = frame.set_index(first).rename_axis(index=None, columns=first)
    shown = Shown(frame)
    shown.attrs["empty"] = empty[0].upper() + empty[1:] + "."
    return shown
