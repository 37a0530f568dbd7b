"""The funnel, the reps and what was read, in words."""

from __future__ import annotations

import pandas as pd

from enablement.measure.definitions import CONVERSIONS, IMMATURE
from enablement.measure.estimates import jeffreys
from enablement.measure.reps import places
from enablement.measure.stages import BATCH
from enablement.periods import Period
from enablement.read.crm import CRM
from enablement.read.findings import Findings
from enablement.read.schema import SCHEMA
from enablement.show.words.figures import (
    apart,
    counted,
    each,
    groups,
    interval,
    money,
    percent,
    sure,
    tenths,
)

NOTEWORTHY = 0.005  # a shift of the headline from which on a rule is named in the first lines
ENDS = ("used", "otherwise", "least", "most")
MOST_NAMES = 3  # in a sentence; the table has them all
OURS = 'One that is ours by another name is told so: [columns.opportunities] created_at = "…".'
TOO_LITTLE = "There is too little to compare: fewer than two groups, or all ended alike."
RATIOS = tuple(name for name, meant in CONVERSIONS.items() if meant.ratio)
# What the notebooks ask for besides what reading looks for itself.
ASKED = {
    ("quotas", "target"): "The export has no quotas: whether the number is made, and whether "
    "enough is open for it, cannot be said.",
    ("opportunities", "expected_close"): "The export has no expected close dates: what is due, "
    "slips or is pushed cannot be said.",
    ("opportunities", "list_amount"): "The export has no list prices: discounts cannot be said.",
}


def conversion(table: pd.DataFrame) -> str:
    """Say which stage the fewest move on from, and whether it stands out.

    Parameters
    ----------
    table : as `enablement.conversion` returns it
    """
    if table.attrs["groups"]:
        asks = f"How do the stages compare, {apart(table)}?"
        return table.attrs["verdict"] or asks
    known = table[table["rate"].notna()]
    unrecorded = "".join(f" Of {stage} nothing can be said." for stage in table.attrs["cannot_say"])
    if known.empty:
        return _unsaid("From which stage the fewest move on cannot be said", table)
    lowest = known.loc[known["rate"].idxmin()]
    rate = sure(lowest["rate"], lowest["low"], lowest["high"])
    numbers, when = f"{rate} of {_much(table, lowest['entered'])}", ""
    if table.attrs["name"] == "estimate":
        numbers, when = f"an estimated {numbers}", f" within {int(lowest['day'])} days"
    stage = lowest["stage"]
    if len(known) == 1:
        return f"{numbers[0].upper()}{numbers[1:]} moved on from {stage}{when}.{unrecorded}"
    if standing_out(table) is not None:
        return f"The fewest move on from {stage}: {numbers}{when}.{unrecorded}"
    if known["rate"].nunique() == 1:
        return f"All stages are alike: {numbers} moved on from {stage}{when}.{unrecorded}"
    return (
        f"No stage stands out: the lowest, {stage} with {numbers}{when}, cannot be told "
        f"apart from the next.{unrecorded}"
    )


def compare_definitions(table: pd.DataFrame) -> str:
    """Say whether the weakest stage depends on the definition, and by how many each is it.

    Parameters
    ----------
    table : as `enablement.compare_definitions` returns it
    """
    lowest = table[table["weakest"]].groupby("definition", sort=False)["stage"].first()
    rates = table["rate"].dropna()
    if lowest.empty:
        return _unsaid("No definition has a rate here", table)
    if table.loc[rates.index, "stage"].nunique() == 1:
        return (
            f"Only {lowest.iloc[0]} can be counted, and its rate depends on the definition: "
            f"{interval(rates.min(), rates.max())}."
        )
    if lowest.nunique() == 1:
        return f"By every definition the lowest rate is that of {lowest.iloc[0]}."
    many = lowest.astype("str").value_counts()
    first = f"{many.index[0]} by {many.iloc[0]} of {len(lowest)}"
    others = [f"{stage} by {count}" for stage, count in many.iloc[1:].items()]
    return f"The weakest stage depends on the definition: {', '.join([first, *others])}."


def without_rate(table: pd.DataFrame) -> list[str]:
    """Name the stages that have no rate by any definition, where others have one."""
    some = table.loc[table["rate"].notna(), "stage"].astype("str").unique()
    stages = table["stage"].astype("str").unique()
    return [stage for stage in stages if stage not in some] if len(some) else []


def _much(table: pd.DataFrame, entered: float) -> str:
    """Write what a rate is a share of: a count, or an amount."""
    if table.attrs["of"] == "value":
        return money(entered, table.attrs["currency"])
    return f"{entered:,.0f}"


def standing_out(table: pd.DataFrame) -> str | None:
    """Find the stage whose whole interval lies below those of the others; None if none does.

    Parameters
    ----------
    table : as `enablement.conversion` returns it, not split
    """
    known = table[table["rate"].notna() & table["high"].notna()].sort_values("rate")
    if len(known) < 2 or known["high"].iloc[0] >= known["low"].iloc[1:].min():
        return None
    return str(known["stage"].iloc[0])


def win_rate(table: pd.DataFrame) -> str:
    """Say the win rate, or whether groups differ beyond chance.

    Parameters
    ----------
    table : as `enablement.win_rate` returns it
    """
    if table.attrs["verdict"]:
        return str(table.attrs["verdict"])
    if table.attrs["groups"] and table.attrs["of"] == "value":
        asks = f"How much of the amount decided did {each(table)} win?"
        known = asks if table["rate"].notna().any() else ""
        return f"{known} {table.attrs['warning']}".strip() or "Nothing was decided."
    if table.attrs["of"] != "decided" and not table.attrs["groups"]:
        return _other_win_rate(table)
    out_of = ["created"] if table.attrs["of"] == "created" else ["won", "lost"]
    total = table[out_of].to_numpy().sum()
    if not total:
        return f"Nothing was {table.attrs['of']}, so there is no win rate."
    if table.attrs["groups"]:
        return TOO_LITTLE
    row = table.iloc[0]
    return (
        f"{sure(row['rate'], row['low'], row['high'])} of {total:,.0f} decided were won "
        f"({interval(row['low'], row['high'])})."
    )


def _other_win_rate(table: pd.DataFrame) -> str:
    """Say a win rate of all created, or of the amount decided."""
    row = table.iloc[0]
    if table.attrs["of"] == "created":
        if not row["created"]:
            return "Nothing was created, so there is no win rate."
        doubt = interval(row["low"], row["high"])
        still = f"; {percent(row['open'] / row['created'])} are still open"
        won = sure(row["rate"], row["low"], row["high"])
        return f"{won} of {row['created']:,.0f} created were won ({doubt}){still}."
    if pd.isna(row["rate"]):
        return str(table.attrs["warning"]) or "Nothing was decided, so there is no win rate."
    decided = money(row["won"] + row["lost"], table.attrs["currency"])
    warning = f" {table.attrs['warning']}" if table.attrs["warning"] else ""
    return f"{percent(row['rate'])} of the {decided} decided was won.{warning}"


def compare_reps(table: pd.DataFrame) -> str:
    """Say whether reps differ beyond chance, who stands out, and what the mix explains.

    Parameters
    ----------
    table : as `enablement.compare_reps` returns it
    """
    if not table.attrs["verdict"]:
        return TOO_LITTLE
    out = table[table["stands_out"]]
    told = _told(out, table, out["rate"], out["decided"])
    said = _standing_out(told) if table.attrs["differ"] else _beyond(table)
    return f"{table.attrs['verdict']} {said}{_of_mix(table, out)}".strip()


def compare_reps_by_stage(table: pd.DataFrame) -> str:
    """Say at which stages reps differ beyond chance, and who stands out at which.

    Parameters
    ----------
    table : as `enablement.compare_reps_by_stage` returns it
    """
    if not table.attrs["verdict"]:
        known = table["rate"].notna().any()
        return TOO_LITTLE if known else _unsaid("At no stage can they be compared", table)
    out = table[table["stands_out"]].sort_values("q", kind="stable")
    told = _told(out, table, out["rate"], out["entered"], places(out, table.attrs["groups"]))
    said = _standing_out(told) if table.attrs["differ"] else ""
    return f"{table.attrs['verdict']} {said}".strip()


def members(table: pd.DataFrame) -> str:
    """Name what a table compares: ``reps``, else ``groups``."""
    return "reps" if table.attrs["groups"] == ("rep_id",) else "groups"


def _told(
    rows: pd.DataFrame,
    table: pd.DataFrame,
    rate: pd.Series,
    out_of: pd.Series,
    at: pd.Series | None = None,
) -> list[str]:
    """Write each group with its rate and count, such as ``Ann Bell (45 % of 141)``."""
    who = groups(rows, table)
    where = [""] * len(rows) if at is None else [f" at {stage}" for stage in at]
    return [
        f"{name}{stage} ({percent(share)} of {number:,.0f})"
        for name, stage, share, number in zip(who, where, rate, out_of, strict=True)
    ]


def _standing_out(told: list[str]) -> str:
    """Name who stands out from the others; of many the first."""
    if not told:
        return "No single one can be told from the others."
    return f"{_few(told)} {'stands' if len(told) == 1 else 'stand'} out from the others."


def _beyond(table: pd.DataFrame) -> str:
    """Name who lies beyond the outer limits although no difference between all was detected."""
    out = table[table["outside"].isin(["above 99.8", "below 99.8"])]
    if out.empty:
        return ""
    told = _few(_told(out, table, out["rate"], out["decided"]))
    return f"Yet {told} {'lies' if len(out) == 1 else 'lie'} beyond the 99.8 % limits."


def _unsaid(what: str, table: pd.DataFrame) -> str:
    """End a sentence of what cannot be said with the reasons, of many stages the first ones."""
    reasons = list(dict.fromkeys(table.attrs["cannot_say"].values()))
    return f"{what}: {_few(reasons)}." if reasons else f"{what}."


def _few(told: list[str]) -> str:
    more = len(told) - MOST_NAMES
    named = [*told[:MOST_NAMES], *([f"{more} more"] if more > 0 else [])]
    return " and ".join(filter(None, [", ".join(named[:-1]), named[-1]]))


def _of_mix(table: pd.DataFrame, out: pd.DataFrame) -> str:
    """Say what the mix explains: who stands out no more at the team's, or how little moves."""
    if not table.attrs["mix"]:
        return ""
    mix = f" At the team's mix of {' and '.join(table.attrs['mix'])}"
    if out.empty:
        moved = (table["adjusted"] - table["rate"]).abs().max()
        return (
            "" if pd.isna(moved) else f"{mix} no rate moves by more than {100 * moved:.0f} points."
        )
    alike = out["adjusted_team"].between(out["adjusted_low"], out["adjusted_high"])
    who = groups(out[alike], table)
    if who.empty:
        return f"{mix} they still do." if len(out) > 1 else f"{mix} that holds too."
    return f"{mix} {' and '.join(who)} would not."


def sales_cycle(table: pd.DataFrame) -> str:
    """Say how long the middle one took, and nine in ten.

    Parameters
    ----------
    table : as `enablement.sales_cycle` returns it
    """
    if table.attrs["groups"]:
        asks = f"How long does it take, {apart(table)}?"
        return table.attrs["verdict"] or asks
    row = table.iloc[0] if len(table) else None
    if row is None or not row["won"]:
        return "Nothing was won with both dates known, so there is no cycle."
    doubt = "" if pd.isna(row["low"]) else f" ({row['low']:.0f} to {row['high']:.0f})"
    most = "" if pd.isna(row["p90"]) else f", nine in ten at most {row['p90']:.0f}"
    days = "day" if row["median"] == 1 else "days"
    return f"Median of {int(row['won']):,} won: {row['median']:.0f} {days}{doubt}{most}."


def time_in_stage(table: pd.DataFrame) -> str:
    """Say in which stage opportunities stay longest, and whether that can be told.

    Parameters
    ----------
    table : as `enablement.time_in_stage` returns it
    """
    unrecorded = "".join(f" Of {stage} no days can be said." for stage in table.attrs["cannot_say"])
    if table.attrs["groups"]:
        return f"How long do they stay in each stage, {apart(table)}?{unrecorded}"
    known = table[table["median"].notna()].sort_values("median", ascending=False, kind="stable")
    if known.empty:
        return _unsaid("How long opportunities stay in a stage cannot be said", table)
    longest, others = known.iloc[0], known.iloc[1:]
    doubt = _days_between(longest["low"], longest["high"])
    half = f"half have left {longest['stage']} within {_days(longest['median'])}{doubt}"
    if others.empty:
        return f"{half[0].upper()}{half[1:]}.{unrecorded}"
    clear = pd.notna(longest["low"]) and longest["low"] > others["high"].max(skipna=False)
    if clear:
        return f"Opportunities stay longest in {longest['stage']}: {half}.{unrecorded}"
    return (
        f"No stage clearly holds them longest: {half}, which cannot be told apart from the "
        f"next.{unrecorded}"
    )


def cohort_curves(table: pd.DataFrame) -> str:
    """Say what was won and lost by the last day, or whether the cohorts differ.

    Parameters
    ----------
    table : as `enablement.cohort_curves` returns it
    """
    if table.attrs["cannot_say"]:
        return f"When opportunities are won cannot be said: {table.attrs['cannot_say']}."
    maturity = f" {table.attrs['maturity']}" if table.attrs["maturity"] else ""
    if table["cohort"].nunique(dropna=False) > 1:
        asks = "How much is won by which day, each cohort by itself?"
        return f"{table.attrs['verdict'] or asks}{maturity}"
    first, last = table.iloc[0], table.iloc[-1]
    doubt = interval(last["won_low"], last["won_high"])
    return (
        f"Of {first['at_risk']:,.0f} begun, {percent(last['won'])} were won"
        f"{f' ({doubt})' if doubt else ''} and {percent(last['lost'])} lost by day "
        f"{last['day']:,.0f}; {percent(last['open'])} were still open."
    )


def cohort(rows: pd.DataFrame, table: pd.DataFrame) -> str:
    """Name a cohort in two lines: its count, and its shares on the day that is compared.

    One that was not followed so long has those of its last day, and the day is named.

    Parameters
    ----------
    rows : those of one cohort, with its name as ``group``
    table : the whole one, as `enablement.cohort_curves` returns it
    """
    here = rows[rows["day"] == table.attrs["day"]]
    row = (here if len(here) else rows).iloc[-1]
    day = "" if len(here) else f", day {row['day']:,.0f}"
    name = f"{row['group']} ({rows['at_risk'].iloc[0]:,.0f}){day}"
    return f"{name}\n{percent(row['won'])} won, {percent(row['lost'])} lost"


def no_days(table: pd.DataFrame) -> list[str]:
    """Say of each row of a time in stage without a median why it has none; nothing of others.

    Parameters
    ----------
    table : as `enablement.time_in_stage` returns it
    """
    clicked = table["batch_updated"] > BATCH * table["entered"]
    reasons = [
        (table["median"].notna(), ""),
        (clicked, "clicked through in a batch"),
        (table["entered"].gt(0), "half have not left yet"),
        (table["undated"].gt(0), "dates not recorded"),
    ]
    said = pd.Series("none entered", index=table.index)
    for which, reason in reversed(reasons):
        said = said.mask(which, reason)
    return list(said)


def _days(number: float) -> str:
    return f"{number:,.0f} {'day' if round(number) == 1 else 'days'}"


def _days_between(low: float, high: float) -> str:
    """Write an interval of days, which may have no end yet."""
    if pd.isna(low):
        return ""
    return f" ({low:,.0f} or more)" if pd.isna(high) else f" ({low:,.0f} to {high:,.0f})"


def maturing(table: pd.DataFrame) -> str:
    """Say how much of a conversion is still open, and what that does to it."""
    share = table.attrs["still_open"]
    if pd.isna(share) or share == 0 or table["rate"].isna().all():
        return ""
    if table.attrs["name"] == "estimate":
        return (
            f"{percent(share)} of the opportunities whose entries are recorded are still open; the "
            "estimate takes them as undecided, not as failed."
        )
    if share <= IMMATURE:
        return f"{percent(share)} of the opportunities are still open."
    return (
        f"{percent(share)} of the opportunities are still open, so these rates will change; "
        "do not compare them with older ones."
    )


def cannot_say(crm: CRM) -> str:
    """Say what the data cannot answer, a line each, or that nothing is missing."""
    absent = [why for (table, column), why in ASKED.items() if not crm.has(table, column)]
    lines = [*crm.quality.cannot_say, *absent]
    return "\n".join(lines) if lines else "Nothing that these notebooks ask is missing."


def reach(crm: CRM, *, period: str | Period) -> str:
    """Say whether the export covers a period to its end."""
    span = crm.period(period)
    if crm.seen_until >= span.end:
        return f"Yes: the export of {crm.seen_until:%Y-%m-%d} covers {span} to its end."
    return (
        f"No: the export ends on {crm.seen_until:%Y-%m-%d}, {span} on {span.end:%Y-%m-%d}; "
        "every number is as of the export."
    )


def used(findings: Findings) -> str:
    """Say the headline numbers as they are used, with their intervals and what they divide.

    Such as ``Win rate 27.7 % (26 to 29 %; 634 won of 2,287 decided), conversion 26.4 % (25 to
    28 %; 634 of 2,399 created); renewals left out.``
    """
    table = findings.headline.set_index("measure")
    win, conversion = table.loc["win rate"], table.loc["conversion"]
    if pd.isna(conversion["rate"]):
        return "There is no opportunity to count."
    created = f"conversion {_doubted(conversion)} of {conversion['of']:,.0f} created)"
    if pd.isna(win["rate"]):
        return f"No win rate: {win['why']}; {created}; renewals left out."
    return (
        f"Win rate {_doubted(win)} won of {win['of']:,.0f} decided), {created}; renewals left out."
    )


def _doubted(row: pd.Series) -> str:
    low, high = jeffreys(row["won"], row["of"])
    return f"{tenths(row['rate'])} ({interval(float(low), float(high))}; {row['won']:,.0f}"


def moved(findings: Findings) -> str:
    """Say which rule of reading moves the headline most, and to where, or that none does.

    Where there is no headline, nothing is said of it.
    """
    if _nothing(findings):
        return ""
    rates = findings.effects[findings.effects["measure"].isin(["win rate", "conversion"])]
    if rates.empty:
        return "No row that was set aside, changed or doubted moves it."
    reach = _reach(rates)
    if not reach.gt(NOTEWORTHY).any():
        return "No rule moves it by more than half a point."
    row = rates.loc[reach.idxmax()]
    rows = counted(row["rows"], "row", "rows")
    return f"What moves it most: {row['rule']} ({rows} {row['what']}): {effect(row)}."


def effect(row: pd.Series) -> str:
    """Say what a headline number would be without a rule, as ``win rate 63.1 → 61.0 %``."""
    measure = str(row["measure"])
    if pd.isna(row["most"]) and (row["why"] or pd.isna(row["otherwise"])):
        return f"{measure}: {row['why']}"
    if measure == "median days to win":
        return f"{measure} {row['used']:,.0f} → {row['otherwise']:,.0f}"
    if row["table"] == "stage_events":
        return f"{measure} {tenths(row['used']).removesuffix(' %')} → {tenths(row['otherwise'])}"
    used = tenths(row["used"]).removesuffix(" %")
    if pd.isna(row["most"]):  # by value, and what some are worth is not known
        return f"{measure} {used} → {tenths(row['otherwise'])}, of those with an amount"
    if row["unknown"]:
        least = tenths(row["least"]).removesuffix(" %")
        return f"{measure} {used} → {least} to {tenths(row['most'])}, whatever became of them"
    return f"{measure} {used} → {tenths(row['otherwise'])}"


def effects(rule: str, findings: Findings, *, table: str = "opportunities") -> str:
    """Say everything that a rule moves, or that it moves nothing.

    Parameters
    ----------
    rule : as the set-aside opportunities, the notes or the impossible rows name it
    findings : as `enablement.read.findings.examine` gives them
    table : which rows the rule touched; a history of fields tells of stage events
    """
    which = "stage_events" if table == "changes" else table
    told = findings.effects
    mine = told[told["rule"].eq(rule) & told["table"].eq(which)]
    if mine.empty:
        return "–"
    rounded = mine.assign(**{end: mine[end].round(3) for end in ENDS})
    gone = mine["used"].notna() & mine["otherwise"].isna() & mine["unknown"].eq(0)
    lost = mine["table"].eq("stage_events") & mine["why"].ne("")
    found = mine["used"].isna() & mine["otherwise"].notna()
    moving = mine[_reach(rounded).gt(0) | gone | lost | found]
    if moving.empty and mine["used"].isna().all() and mine["why"].iloc[0]:
        return str(mine["why"].iloc[0])
    if moving.empty:
        return "no number of the headline changes"
    return "; ".join(effect(row) for _, row in moving.iterrows())


def attention(findings: Findings) -> str:
    """Say in a line what to look at below: filters, columns that lean, impossible rows."""
    if _nothing(findings):
        return "Look at: why no opportunity counts."
    filters = ", ".join(findings.filtered["finding"])
    uneven = counted(findings.leaning["columns"].nunique(), "column is", "columns are")
    rows = findings.orders.groupby("kind")["rows"].sum()
    told = {
        f"the export seems filtered ({filters})": len(findings.filtered),
        f"{uneven} missing for some rather than for others": len(findings.leaning),
        **{
            counted(rows.get(kind, 0), f"{kind} row", f"{kind} rows"): rows.get(kind, 0)
            for kind in ("impossible", "doubtful")
        },
    }
    said = [text for text, number in told.items() if number]
    if not said:
        return "Nothing seems filtered, unevenly missing or impossible."
    return f"Look at: {'; '.join(said)}."


def unknown(findings: Findings) -> str:
    """Name the columns that say nothing, or the same of every opportunity."""
    if "stage" in findings.empty:  # every opportunity has one
        return "Without an opportunity nothing is known of any column."
    lines = []
    if findings.empty:
        lines.append(f"Nothing is known of: {', '.join(findings.empty)}.")
    if findings.constant:
        same = ", ".join(f"{name} ({value})" for name, value in findings.constant.items())
        lines.append(f"The same in every row: {same}.")
    return "\n".join(lines) or "Every column says something."


def other_columns(crm: CRM) -> str:
    """Name the columns of opportunities that keep the export's names; nothing if there is none."""
    ours = SCHEMA["opportunities"]
    names = [
        name
        for name in crm.columns("opportunities")
        if name not in (*ours, "outcome") and crm.has("opportunities", name)
    ]
    return f"Under their own names, to split by: {', '.join(names)}. {OURS}" if names else ""


def _nothing(findings: Findings) -> bool:
    """Ask whether there is no opportunity to count."""
    return bool(pd.isna(findings.headline.set_index("measure").loc["conversion", "rate"]))


def _reach(effects: pd.DataFrame) -> pd.Series:
    """Measure how far a rule could move a number; where outcomes are unknown, at most so far."""
    ends = [(effects[end] - effects["used"]).abs() for end in ENDS[1:]]
    return pd.concat(ends, axis=1).max(axis=1).fillna(0.0)


def reports(findings: Findings) -> str:
    """Say which report of the CRM has what the export lacks, or that none is needed."""
    return "\n".join(findings.reports) or "No report is needed: no history is missing."
